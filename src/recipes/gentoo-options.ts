/** Options that the three Gentoo recipes share. */
import {
  familiarReference,
  parseDevice,
  parseDeviceRule,
  parseHealthCommand,
  parseReference,
  withDefaultTag,
} from "tsbuildout/docker";
import {
  option,
  OptionValueError,
  parseDuration,
  splitLines,
  type ConfigureContext,
  type Context,
  type Option,
  type Schema,
} from "tsbuildout/recipe";
import { parsePlatform, type Platform } from "./gentoo-platform.js";
import { linesOf, oneOf } from "./spec-options.js";

/** What the containers that a part works in may do. */
export const rightsOptions = {
  privileged: option.boolean({
    doc: "Give the work containers all capabilities and devices: chroots, mounts and loop devices need them.",
    default: "true",
  }),
  "cap-add": option.words({ doc: "Capabilities to add, where `privileged` is off: `SYS_ADMIN`." }),
  "cap-drop": option.words({ doc: "Capabilities to drop." }),
  "security-opt": option.words({ doc: "Security options: `seccomp=unconfined`, `apparmor=unconfined`, …" }),
  devices: linesOf("devices", (text) => (/^[abc]\s/.test(text) ? parseDeviceRule(text) : parseDevice(text)), {
    doc: "Devices, `/dev/name[:/dev/name[:rwm]]` a line, or rules for devices that may be made, `b 7:* rmw`.",
  }),
  "device-cgroup-rules": linesOf("rules", parseDeviceRule, {
    doc: "Rules for devices, a line each: `b 7:* rmw`.",
  }),
};

/** A platform by any of its names. */
export function platformOption(doc: string): Option<(Platform & { readonly text: string }) | undefined> {
  return option.custom(
    "platform",
    (text) => {
      const platform = parsePlatform(text);
      if (platform) return { ...platform, text };
      throw new OptionValueError(`"${text}" is no platform that is known here`, [
        "write linux/arm64, arm64, aarch64, linux/arm/v7, x86_64, …",
      ]);
    },
    { doc },
  );
}

/** `[--interval=30s] [--timeout=…] [--start-period=…] [--retries=3] command`, as a Dockerfile has it. */
export const healthcheckOption = oneOf("healthcheck", parseHealthcheck, {
  doc: "Health check of the image, as in a Dockerfile: `[--interval=30s] [--timeout=5s] [--start-period=10s] [--retries=3] command`, or `NONE`.",
});

const NANOSECONDS = 1e6;

export function parseHealthcheck(text: string): Record<string, unknown> {
  const check: Record<string, unknown> = {};
  let rest = text.trim().replace(/^HEALTHCHECK\s+/, "");
  for (let match; (match = /^--([a-z-]+)=(\S+)\s*/.exec(rest)); rest = rest.slice(match[0].length)) {
    const [, name = "", value = ""] = match;
    const field = {
      interval: "Interval",
      timeout: "Timeout",
      "start-period": "StartPeriod",
      "start-interval": "StartInterval",
    }[name];
    if (field) check[field] = Math.round(parseDuration(value) * NANOSECONDS);
    else if (name === "retries" && /^\d+$/.test(value)) check["Retries"] = Number(value);
    else throw new OptionValueError(`"--${name}=${value}" is not a setting of a health check`);
  }
  return { ...check, Test: parseHealthCommand(rest) };
}

/** Ports as an image exposes them: `80`, `53/udp`, `8000-8010`. */
export const exposeOption: Option<readonly string[]> = {
  ...option.lines({ doc: "Ports that the image exposes (EXPOSE): `80`, `53/udp`, `8000-8010`." }),
  kind: "ports",
  decode: (text) =>
    text
      .split(/\s+/)
      .filter((word) => word !== "")
      .map(parseExpose),
};

function parseExpose(text: string): string {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match && first > 0 && first <= last && last < 65_536) return text;
  throw new OptionValueError(`"${text}" is not a port`, ["write 80, 53/udp or 8000-8010"]);
}

/** Atoms, one or several a line; a line that begins with `#` is a remark. */
export function atomsOption(doc: string): Option<readonly string[]> {
  return { ...option.lines({ doc }), kind: "packages", decode: decodeAtoms };
}

function decodeAtoms(text: string): string[] {
  return withoutRemarks(text)
    .flatMap((line) => line.split(/\s+/))
    .map(checkAtom);
}

function checkAtom(atom: string): string {
  if (!atom.startsWith("-")) return atom;
  throw new OptionValueError(`"${atom}" is an option, not a package`, ["write it into emerge-options"]);
}

/** Lines of one of Portage's `package.*` files. */
export function portageLines(doc: string): Option<readonly string[]> {
  return { ...option.lines({ doc }), decode: withoutRemarks };
}

function withoutRemarks(text: string): string[] {
  return splitLines(text).filter((line) => !line.startsWith("#"));
}

/** An image's full name out of `name` and `tag`. @throws a problem `reference/invalid` */
export function imageName(name: string, tag: string | undefined): string {
  const { digest: _digest, ...reference } = parseReference(name);
  return familiarReference(withDefaultTag(tag ? { ...reference, tag } : reference));
}

/** `NAME=VALUE` each; a bare name has its value from the environment of tsbuildout. */
export function environmentOf(
  pairs: readonly (readonly [string, string | undefined])[],
  env: Context["env"],
): string[] {
  return pairs.flatMap(([name, written]) => {
    const value = written ?? env[name];
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

/** What names something else on the engine makes this part need the part that makes it. */
export function useNamed<S extends Schema>(
  context: ConfigureContext<S>,
  names: {
    readonly images?: readonly (readonly [option: string, image: string | undefined])[];
    readonly containers?: readonly (readonly [option: string, names: readonly string[] | undefined])[];
  },
  imageKey: (reference: string) => string,
): void {
  for (const [option, image] of names.images ?? []) {
    if (!image || /^(sha256:)?[0-9a-f]{64}$/.test(image)) continue;
    try {
      context.uses(imageKey(image), option);
    } catch (error) {
      context.fail({ code: "option/value", message: (error as Error).message, option });
    }
  }
  for (const [option, containers] of names.containers ?? [])
    for (const container of containers ?? []) context.uses(`container:${container.split(":")[0]}`, option);
}
