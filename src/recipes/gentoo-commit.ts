import { familiarName, parseReference } from "tsbuildout/docker";
import type { Work } from "./gentoo-exec.js";

/** The settings of an image (https://docs.docker.com/reference/api/engine/, ContainerConfig); what is undefined is
 *  inherited from the base image, what is empty is taken away. */
export interface ImageSettings {
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly workdir?: string | undefined;
  readonly stopsignal?: string | undefined;
  readonly healthcheck?: Readonly<Record<string, unknown>> | undefined;
  readonly env: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** `80`, `53/udp`, `8000-8010/tcp`. */
  readonly expose: readonly string[];
  readonly volumes: readonly string[];
}

/** The settings of the image that a container was made of. */
export interface BaseConfig {
  readonly Cmd?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Env?: readonly string[] | null;
}

/**
 * The body of a commit. The engine fills every empty field from the container, whose entry point is the program that
 * kept it running; so the fields that a container overrides are said here in full.
 */
export function commitBody(settings: ImageSettings, base: BaseConfig): Record<string, unknown> {
  const entrypoint = settings.entrypoint ?? base.Entrypoint ?? [];
  // As in a Dockerfile: a new entry point makes the base's command meaningless.
  const inherited = settings.entrypoint === undefined ? base.Cmd : undefined;
  return {
    Entrypoint: entrypoint,
    Cmd: settings.command ?? inherited ?? null,
    Env: mergeEnv(base.Env ?? [], settings.env),
    Labels: settings.labels,
    ExposedPorts: Object.fromEntries(settings.expose.flatMap(ports).map((port) => [port, {}])),
    Volumes: Object.fromEntries(settings.volumes.map((volume) => [volume, {}])),
    ...(settings.user ? { User: settings.user } : {}),
    ...(settings.workdir ? { WorkingDir: settings.workdir } : {}),
    ...(settings.stopsignal ? { StopSignal: settings.stopsignal } : {}),
    ...(settings.healthcheck ? { Healthcheck: settings.healthcheck } : {}),
  };
}

function mergeEnv(base: readonly string[], asked: readonly string[]): string[] {
  const pairs = [...base, ...asked].map((text) => [text.split("=", 1)[0] ?? "", text] as const);
  return [...new Map(pairs).values()];
}

/** `8000-8002/udp` -> each port, with its protocol. */
function ports(text: string): string[] {
  const [range = "", protocol = "tcp"] = text.toLowerCase().split("/");
  const [first, last = first] = range.split("-").map(Number);
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, at) => `${Number(first) + at}/${protocol}`);
}

export interface Commit {
  /** `name:tag`; without it the image has an id only. */
  readonly reference?: string;
  readonly body: Record<string, unknown>;
  readonly comment?: string;
  readonly signal: AbortSignal;
}

/** Makes an image of a container's files; resolves with its id. */
export async function commitWork(work: Work, commit: Commit): Promise<string> {
  const parsed = commit.reference ? parseReference(commit.reference) : undefined;
  const { Id } = await work.engine.request<{ Id: string }>({
    method: "POST",
    path: "/commit",
    query: {
      container: work.name,
      ...(parsed ? { repo: familiarName(parsed), tag: parsed.tag ?? "latest" } : {}),
      ...(commit.comment ? { comment: commit.comment } : {}),
      pause: true,
    },
    json: commit.body,
    tells: "Id",
    signal: commit.signal,
  });
  // Podman leaves out of what kind the digest is.
  return Id.startsWith("sha256:") ? Id : `sha256:${Id}`;
}
