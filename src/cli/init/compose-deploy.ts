import type { SectionText } from "./cfg.js";
import { type ComposeScope, leftOver } from "./compose-scope.js";
import { asList, asMap, asText, asTexts, type Yaml } from "./yaml.js";

type Service = { [key: string]: Yaml };

export function setLimits(part: SectionText, name: string, deploy: Service, scope: ComposeScope): void {
  const resources = asMap(deploy["resources"]);
  const limits = asMap(resources["limits"]);
  const reservations = asMap(resources["reservations"]);
  part
    .set("cpus", asText(limits["cpus"]))
    .set("memory", asText(limits["memory"]))
    .set("pids-limit", asText(limits["pids"]))
    .set("memory-reservation", asText(reservations["memory"]));
  const one = deploy["replicas"] === 1 ? ["replicas"] : [];
  leftOver(`services.${name}.deploy`, deploy, ["resources", "restart_policy", ...one], scope);
  leftOver(`services.${name}.deploy.resources.reservations`, reservations, ["memory", "devices"], scope);
}

/** What `gpus` or the reservations of devices ask for, as `docker run --gpus` has it. */
export function setGpus(part: SectionText, name: string, service: Service, scope: ComposeScope): void {
  const resources = asMap(asMap(service["deploy"])["resources"]);
  const [first, ...more] = [
    ...asList(service["gpus"]),
    ...asList(asMap(resources["reservations"])["devices"]),
  ];
  if (first === undefined) return;
  const device = asMap(first);
  const capabilities = asTexts(device["capabilities"]);
  // A field of `gpus` alone is a GPU.
  const isGpu = capabilities.length === 0 || capabilities.includes("gpu");
  if (!isGpu || more.length > 0) {
    scope.note(`services.${name}: of its devices only one entry of GPUs can be carried over, as gpus`);
    return;
  }
  part.set("gpus", asText(first) ?? gpuFields(device, capabilities));
}

function gpuFields(device: Service, capabilities: readonly string[]): string {
  const driver = asText(device["driver"]);
  const ids = asTexts(device["device_ids"]);
  const count = asText(device["count"])?.replace("-1", "all") ?? "all";
  const further = capabilities.filter((one) => one !== "gpu");
  return [
    ids.length > 0 ? field("device", ids) : count,
    ...(driver === undefined ? [] : [`driver=${driver}`]),
    ...(further.length > 0 ? [field("capabilities", further)] : []),
  ].join(",");
}

/** A value with commas stands in quotes, with its name. */
function field(name: string, values: readonly string[]): string {
  const text = `${name}=${values.join(",")}`;
  return values.length > 1 ? `"${text}"` : text;
}

/** Compose takes that of `deploy` where the service says none. */
export function restartOf(service: Service): string | undefined {
  const policy = asMap(asMap(service["deploy"])["restart_policy"]);
  const own = asText(service["restart"]);
  if (own !== undefined || Object.keys(policy).length === 0) return own;
  const condition = asText(policy["condition"]) ?? "any";
  const times = asText(policy["max_attempts"]);
  if (condition === "none") return "no";
  if (condition !== "on-failure") return "always";
  return times === undefined ? condition : `${condition}:${times}`;
}
