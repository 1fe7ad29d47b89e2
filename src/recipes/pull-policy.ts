import { DockerError, remoteImage, type Engine } from "tsbuildout/docker";
import { option, type Context, type InputsContext, type OptionsOf } from "tsbuildout/recipe";
import { referencesOf } from "./build-names.js";
import { loginFor } from "./login.js";
import { registryOptions } from "./registry-options.js";

const inPlace = true;

export const pullOptions = {
  ...registryOptions,
  name: option.string({
    doc: "The image to pull, as `docker pull` takes it: `busybox`, `busybox:1.36`, `registry.example:5000/app@sha256:…`. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
    aliases: ["image"],
  }),
  tag: option.string({ doc: "Its tag; not beside a digest. Default: the one in the name, else `latest`." }),
  platform: option.string({ doc: "Platform to pull, where it is not the engine's own: `linux/arm64`." }),
  "all-tags": option.boolean({ doc: "Pull every tag of the repository.", default: "false" }),
  "pull-policy": option.choice(["missing", "newer", "daily", "always"], {
    doc: "When an image that is there is pulled again: `missing` never; `newer` when the registry has another one under the tag (asked at every run, unless `-N` or `-o`; where it does not answer, what is there stays, on a first run too; with `all-tags` every run that gets an answer pulls, which fetches what is new); `daily` on the first run of a day (UTC); `always` at every run.",
    default: "missing",
    inPlace,
  }),
};

export type PullOptions = OptionsOf<typeof pullOptions>;

/** The reference that is pulled: with a digest as it is, else with its tag; a whole repository without. */
export function pullReference(options: Pick<PullOptions, "name" | "tag" | "registry">): string {
  return referencesOf({ ...options, digests: true })[0];
}

/**
 * What makes an installed part pull again, by its policy. Without network (`-o`), and with `-N`, what is recorded stays.
 */
export async function pullInputs(
  context: InputsContext<typeof pullOptions>,
  engine: () => Promise<Engine>,
): Promise<Record<string, string>> {
  const { options, buildout, record } = context;
  const policy = options["pull-policy"];
  const stays = buildout.offline || !buildout.newest;
  if (policy === "missing") return {};
  if (stays && record) return { ...record.inputs };
  if (policy === "always") return { pulled: new Date().toISOString() };
  if (policy === "daily") return { pulled: new Date().toISOString().slice(0, 10) };
  return await registryState(context, await engine());
}

async function registryState(
  context: InputsContext<typeof pullOptions>,
  engine: Engine,
): Promise<Record<string, string>> {
  const { options, signal } = context;
  const known = context.record?.inputs["registry"];
  const reference = pullReference(options);
  const credentials = await loginFor(context, reference, options);
  try {
    const remote = await remoteImage(engine, { reference, credentials, signal });
    // Which tags there are an engine tells of no registry: the pull finds out, and fetches what is new.
    if (options["all-tags"]) return { registry: new Date().toISOString() };
    return { registry: remote?.digest ?? known ?? "unknown" };
  } catch (error) {
    if (!(error instanceof DockerError) || error.problem.code !== "registry/failed") throw error;
    context.log(`the registry does not answer, what is here stays: ${error.message}`, "note");
    (await unanswered(context)).add(context.part);
    // The next run asks again.
    return { registry: known ?? "unknown" };
  }
}

/** Whether a pull is not even tried where the image is there: without network, or where the registry has just not answered. */
export async function isOutOfReach(context: Context): Promise<boolean> {
  return context.buildout.offline || (await unanswered(context)).has(context.part);
}

async function unanswered(context: Pick<Context, "shared">): Promise<Set<string>> {
  return await context.shared("parts whose registries have not answered", () => new Set());
}
