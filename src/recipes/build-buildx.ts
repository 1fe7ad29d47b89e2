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
  type TlsMaterial,
} from "tsbuildout/docker";
import type { Context, InstallContext } from "tsbuildout/recipe";
import type { buildOptions, Secret } from "./build-options.js";
import { field, outputsWithNames, withWholeFiles } from "./build-output.js";
import { contextPath } from "./build-contexts.js";
import { checkSecrets, secretPath, variableOf } from "./build-secrets.js";
import { refuseShown, refuseShownArgs } from "./build-shown.js";
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
  refuseShown(context, options);
  refuseShownArgs(context, via.spec.buildArgs);
  // It would say so later and in other words, or build without.
  await checkSecrets(context, options.secrets ?? []);
  const ssh = await sshLines(context, options.ssh);
  const folder = await context.temporaryFolder();
  const shared = await files.share?.();
  const placed = shared ? await besides(folder, shared) : { dockerfile: files.pathInContext, context: "-" };
  const secrets = secretsFor(context, options.secrets ?? []);
  const certificates = options["engine-tls-cert-path"];
  const leading = await engineEnvironment(engine, certificates, folder);
  const env = { ...context.env, ...leading, ...secrets.env, ...via.env };
  const build = async (output: readonly string[]) => {
    const asked = askedOf(context, { ...via, options: { ...options, output } });
    return await buildByBuildx(
      { ...asked, ...placed, secrets: secrets.lines, ssh },
      {
        command,
        env,
        cwd: context.buildout.directory,
        folder,
        ...(!shared && { input: files.tar({ gzip: false }) }),
        report,
        signal: context.signal,
      },
    );
  };
  return await withWholeFiles(context, options.output, build);
}

/** What the options ask of it, in its own words. */
function askedOf(
  context: Context,
  { options, spec }: ViaBuildx,
): Omit<BuildxSpec, "context" | "secrets" | "ssh"> {
  return {
    ...spec,
    tags: options.output.length > 0 ? [] : spec.tags,
    output: outputsWithNames(options),
    cacheTo: options["cache-to"],
    noCacheFilter: options["no-cache-filter"],
    allow: options.allow,
    instance: instanceOf(options),
    provenance: options.provenance,
    sbom: options.sbom,
    buildContexts: options["build-contexts"].map(
      ([name, where = ""]) => `${name}=${contextPath(context, where)}`,
    ),
  };
}

interface BuildxSecrets {
  readonly lines: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A variable goes by a name of our own: a build argument may be called like the one that the part names. */
function secretsFor(context: Context, secrets: readonly Secret[]): BuildxSecrets {
  const env: Record<string, string> = {};
  const lines = secrets.map((secret, at) => {
    const text = variableOf(context, secret);
    const own = `TSBUILDOUT_SECRET_${at}`;
    if (text !== undefined) env[own] = text;
    const source = text === undefined ? `src=${secretPath(context, secret.file ?? secret.id)}` : `env=${own}`;
    return [`id=${secret.id}`, source].map(field).join(",");
  });
  return { lines, env };
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

/**
 * What leads the docker program to the engine that this part is on.
 * @param folder nobody else's
 */
async function engineEnvironment(
  { origin, endpoint, tls }: Engine,
  certificates: string | undefined,
  folder: string,
): Promise<Record<string, string | undefined>> {
  const [, context, machine] =
    /^context (\S+)|^machine-name (\S+) \((?:\w+, )?a context\)$/.exec(origin) ?? [];
  const named = context ?? machine;
  // It has certificates, too.
  if (named) return { DOCKER_CONTEXT: named, DOCKER_HOST: undefined };
  const at = { DOCKER_CONTEXT: undefined, DOCKER_HOST: endpoint.replace(/^https?:/, "tcp:") };
  if (!tls) return { ...at, DOCKER_TLS: undefined, DOCKER_TLS_VERIFY: undefined };
  // Those of docker-machine may come from several places.
  const ofMachine = origin.startsWith("machine-name ");
  const pems = certificates ?? (ofMachine ? await pemsIn(join(folder, "tls"), tls) : undefined);
  return {
    ...at,
    ...(tls.verify ? { DOCKER_TLS_VERIFY: "1" } : { DOCKER_TLS: "1", DOCKER_TLS_VERIFY: undefined }),
    ...(pems && { DOCKER_CERT_PATH: pems }),
  };
}

/** As the docker program reads them. */
async function pemsIn(folder: string, { ca, cert, key }: TlsMaterial): Promise<string> {
  await mkdir(folder);
  for (const [name, pem] of Object.entries({ ca, cert, key }))
    if (pem) await writeFile(join(folder, `${name}.pem`), pem, { mode: 0o600 });
  return folder;
}
