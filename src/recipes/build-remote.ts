import { createHash } from "node:crypto";
import {
  checkoutGit,
  resolveGit,
  withoutPassword,
  type BuildSource,
  type GitSource,
} from "tsbuildout/docker";
import {
  httpClient,
  RecipeError,
  shownUrl,
  splitCredentials,
  type Context,
  type InputsContext,
  type InstallContext,
} from "tsbuildout/recipe";
import { about } from "./blame.js";
import { archiveOrDockerfile } from "./build-archive.js";
import type { BuildFiles } from "./build-opened.js";
import type { buildOptions } from "./build-options.js";
import type { BuildOptions } from "./build-spec.js";

type Remote = Exclude<BuildSource, { readonly kind: "local" }>;
type Install = InstallContext<typeof buildOptions>;

/**
 * What tells whether a remote source is what it was: a repository's commit, a file's ETag or date, else its content.
 * Without network (`-o`), and with `-N`, it is taken to be.
 */
export async function remoteStamp(
  context: InputsContext<typeof buildOptions>,
  source: Remote,
): Promise<string> {
  const { buildout, record } = context;
  // The password of an address is recorded as a hash, and says nothing of what is there.
  const [before, now] = [record?.options["source"], context.text("source")].map(
    (url) => url && withoutPassword(url),
  );
  const known = before === now ? record?.inputs["source"] : undefined;
  if (known !== undefined && (buildout.offline || !buildout.newest)) return known;
  if (buildout.offline) return "unknown";
  return source.kind === "git"
    ? `git:${await resolveGit(source, gitAt(context))}`
    : await urlStamp(context, source.url);
}

/** @returns the folder that the source names in a working copy, there for as long as the call takes */
export async function workingCopy(context: Install, source: GitSource): Promise<string> {
  refuseOffline(context, source.url);
  const commit = await resolveGit(source, gitAt(context));
  context.log(`${shownUrl(source.url)}: commit ${commit}`, "note");
  const cwd = await context.temporaryFolder();
  return await checkoutGit(source, commit, { ...gitAt(context), cwd });
}

export async function openUrl(context: Install, options: BuildOptions, url: string): Promise<BuildFiles> {
  const fetch = async () => await context.download({ url, fresh: context.buildout.newest });
  const path = await about("source", fetch);
  return await archiveOrDockerfile(context, options, path);
}

function gitAt(context: Context): Parameters<typeof resolveGit>[1] {
  return { env: context.env, signal: context.signal, log: (line) => context.log(line, "err") };
}

function refuseOffline(context: Context, url: string): void {
  if (!context.buildout.offline) return;
  throw new RecipeError({
    code: "build/offline",
    message: `${shownUrl(url)} cannot be fetched: this run is offline`,
    help: ["leave -o (offline) away"],
    option: "source",
  });
}

async function urlStamp(context: Context, text: string): Promise<string> {
  const client = await httpClient(context.env);
  const { request } = await import("undici");
  const { url, headers } = splitCredentials(text);
  const how = { dispatcher: client, headers, signal: context.signal };
  try {
    const head = await request(url, { ...how, method: "HEAD" });
    await head.body.dump();
    const { etag, "last-modified": date, "content-length": length } = head.headers;
    if (head.statusCode < 300 && etag) return `etag:${String(etag)}`;
    if (head.statusCode < 300 && date) return `date:${String(date)} ${String(length ?? "")}`.trim();
    const whole = await request(url, how);
    if (whole.statusCode >= 300) throw answered(text, whole.statusCode);
    const hash = createHash("sha256");
    for await (const chunk of whole.body as AsyncIterable<Buffer>) hash.update(chunk);
    return `sha256:${hash.digest("hex")}`;
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof RecipeError) throw error;
    throw new RecipeError(
      {
        code: "build/unreachable",
        message: `${shownUrl(text)} cannot be reached: ${(error as Error).message}`,
        option: "source",
      },
      { cause: error },
    );
  } finally {
    await client.destroy();
  }
}

function answered(url: string, status: number): RecipeError {
  return new RecipeError({
    code: "build/unreachable",
    message: `${shownUrl(url)} was answered with HTTP status ${status}`,
    option: "source",
  });
}
