import { randomUUID } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  buildByBuildx,
  type BuildReport,
  type BuildSpec,
  type BuildxSpec,
  type Engine,
  type SharedFolder,
} from "tsbuildout/docker";
import type { Context, InstallContext } from "tsbuildout/recipe";
import type { buildOptions, Secret } from "./build-options.js";
import { outputsWithNames } from "./build-output.js";
import { contextPath } from "./build-contexts.js";
import { checkSecrets, secretPath } from "./build-secrets.js";
import { sshLines } from "./build-ssh.js";
import type { BuildFiles } from "./build-opened.js";
import { instanceOf, type BuildOptions } from "./build-spec.js";

export interface ViaBuildx {
  readonly engine: Engine;
  readonly options: BuildOptions;
  readonly files: BuildFiles;
  readonly command: readonly string[];
  readonly spec: BuildSpec;
  readonly report: BuildReport;
  /** Where the docker program's settings are, if not where the user has them. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Builds with buildx. @returns the digests that it says of the result */
export async function viaBuildx(
  context: InstallContext<typeof buildOptions>,
  via: ViaBuildx,
): Promise<{ readonly digest: string | undefined }> {
  const { engine, options, files, command, report } = via;
  // It would say so later and in other words, or build without.
  await checkSecrets(context, options.secrets ?? []);
  const ssh = await sshLines(context, options.ssh);
  const folder = await context.temporaryFolder();
  const shared = await files.share?.();
  const placed = shared ? await besides(folder, shared) : { dockerfile: files.pathInContext, context: "-" };
  return await buildByBuildx(
    { ...askedOf(context, via), ...placed, ssh },
    {
      command,
      env: { ...context.env, ...engineEnvironment(engine, via), ...via.env },
      cwd: context.buildout.directory,
      folder,
      ...(!shared && { input: files.tar({ gzip: false }) }),
      report,
      signal: context.signal,
    },
  );
}

/** What the options ask of it, in its own words. */
function askedOf(context: Context, { options, spec }: ViaBuildx): Omit<BuildxSpec, "context" | "ssh"> {
  return {
    ...spec,
    tags: options.output.length > 0 ? [] : spec.tags,
    output: outputsWithNames(options),
    cacheTo: options["cache-to"],
    noCacheFilter: options["no-cache-filter"],
    allow: options.allow,
    secrets: (options.secrets ?? []).map((secret) => secretLine(context, secret)),
    instance: instanceOf(options),
    provenance: options.provenance,
    sbom: options.sbom,
    buildContexts: options["build-contexts"].map(
      ([name, where = ""]) => `${name}=${contextPath(context, where)}`,
    ),
  };
}

function secretLine(context: Context, { id, file, variable }: Secret): string {
  const source = file === undefined ? [] : [`src=${secretPath(context, file)}`];
  const named = variable === undefined ? [] : [`env=${variable}`];
  return [`id=${id}`, ...source, ...named].map(field).join(",");
}

/** One of comma-separated values. */
function field(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Puts beside a folder what buildx is to take for its Dockerfile and its patterns, which so need not be within it.
 * @param folder nobody else's
 */
async function besides(
  folder: string,
  { root, patterns, dockerfile: { name, content } }: SharedFolder,
): Promise<{ readonly context: string; readonly dockerfilePath: string }> {
  // By the name of a folder a builder knows it again, and would take a file of the same size and time for unchanged.
  const context = join(folder, randomUUID());
  const dockerfilePath = join(folder, "dockerfile", name);
  await symlink(root, context);
  await mkdir(join(folder, "dockerfile"));
  await writeFile(dockerfilePath, content);
  await writeFile(`${dockerfilePath}.dockerignore`, patterns);
  return { context, dockerfilePath };
}

/** What leads the docker program to the engine that this part is on. */
function engineEnvironment(engine: Engine, { options }: ViaBuildx): Record<string, string | undefined> {
  const [, context, machine] = /^context (\S+)|^machine-name (\S+) \(a context\)$/.exec(engine.origin) ?? [];
  const named = context ?? machine;
  // It has certificates, too.
  if (named) return { DOCKER_CONTEXT: named, DOCKER_HOST: undefined };
  const { "engine-tls-cert-path": folder, "engine-tls-verify": verify } = options;
  const secure = engine.endpoint.startsWith("https://") || verify !== undefined || folder !== undefined;
  return {
    DOCKER_CONTEXT: undefined,
    DOCKER_HOST: engine.endpoint.replace(/^https?:/, "tcp:"),
    ...(secure && verify !== false ? { DOCKER_TLS_VERIFY: "1" } : {}),
    ...(secure && verify === false ? { DOCKER_TLS: "1", DOCKER_TLS_VERIFY: undefined } : {}),
    ...(folder ? { DOCKER_CERT_PATH: folder } : {}),
  };
}
