import { speaksApi } from "./connect.js";
import type { Engine } from "./engine.js";
import { DockerError } from "./errors.js";

/** What a build needs beyond what every builder can do: the names of the options that need it. */
export interface BuildNeeds {
  /** Only buildx can do these: several platforms, exported caches, attestations, … */
  readonly buildx: readonly string[];
  /** Any BuildKit can do these: secrets, ssh. */
  readonly buildkit: readonly string[];
}

/** Whom a build may be done by: what is asked for and needed, and what there is. */
export interface BuilderChoice {
  readonly asked: "auto" | "buildx" | "buildkit" | "classic";
  readonly needs: BuildNeeds;
  /** How buildx is run, where it is installed. */
  readonly buildx: readonly string[] | undefined;
  readonly engine: Pick<Engine, "apiVersion" | "info" | "endpoint" | "libpod">;
}

/**
 * Who builds: buildx where it is installed (for podman only where nothing else can do it), else the engine's BuildKit,
 * else the classic builder, unless one is asked for.
 * @throws DockerError `build/needs-buildx`, `build/needs-buildkit`, `build/no-buildx`, `build/no-buildkit`
 */
export async function chooseBuilder(choice: BuilderChoice): Promise<"buildx" | "buildkit" | "classic"> {
  const { asked, buildx, needs, engine } = choice;
  if (asked === "buildx" && !buildx) throw noBuildx();
  // Podman has no BuildKit that buildx could use: it would fetch one and run it in a privileged container.
  const needed = !engine.libpod || needs.buildx.length > 0 || needs.buildkit.length > 0;
  if (buildx && (asked === "buildx" || (asked === "auto" && needed))) return "buildx";
  refuseUnmet(needs.buildx, { asked, wanted: "buildx" });
  const lacking = asked === "classic" ? undefined : await whyNoBuildKit(engine);
  if (asked === "buildkit" && lacking) throw noBuildKit(lacking);
  if (asked !== "classic" && !lacking) return "buildkit";
  refuseUnmet(needs.buildkit, { asked, wanted: "buildkit", ...(lacking ? { lacking } : {}) });
  return "classic";
}

/** Why this engine builds nothing with BuildKit by its own API; undefined where it does. */
async function whyNoBuildKit(engine: BuilderChoice["engine"]): Promise<string | undefined> {
  if (!speaksApi(engine, "1.39"))
    return `the engine speaks API ${engine.apiVersion}, and BuildKit came with 1.39`;
  const info = await engine.info();
  if (info.os !== "linux") return `the engine runs ${info.os}`;
  const major = Number(info.serverVersion.split(".")[0]);
  // 26 with containerd's store loses the image at the end of such a build; 27 is untried, 28 works.
  if (info.containerdStore && major < 28)
    return `engine ${info.serverVersion} with the containerd image store loses what it builds`;
  return undefined;
}

interface Unmet {
  readonly asked: string;
  readonly wanted: "buildx" | "buildkit";
  readonly lacking?: string;
}

function refuseUnmet(options: readonly string[], { asked, wanted, lacking }: Unmet): void {
  const [first] = options;
  if (first === undefined) return;
  const name = wanted === "buildx" ? "docker buildx" : "BuildKit";
  throw new DockerError({
    code: `build/needs-${wanted}`,
    message: `${options.join(", ")}: ${name} is needed for this`,
    notes: [asked === "auto" ? (lacking ?? `${name} was not found`) : `builder = ${asked} was asked for`],
    help: [
      asked === "auto" ? "install docker-buildx" : `set builder = auto, or leave ${options.join(", ")} away`,
    ],
    option: first,
  });
}

function noBuildx(): DockerError {
  return new DockerError({
    code: "build/no-buildx",
    message: "builder = buildx was asked for, and docker buildx was not found",
    help: ["install docker-buildx, or set builder = auto"],
    option: "builder",
  });
}

function noBuildKit(why: string): DockerError {
  return new DockerError({
    code: "build/no-buildkit",
    message: "builder = buildkit was asked for, and this engine has none",
    notes: [why],
    help: ["set builder = auto"],
    option: "builder",
  });
}
