import { option, OptionValueError, splitLines } from "tsbuildout/recipe";
import { cacheOptions } from "./build-cache-options.js";
import { stepOptions } from "./build-step-options.js";
import { engineOptions } from "./common.js";

/** A change of these is a rebuild, which replaces the image in place. */
const inPlace = true;

/** What may be a path, but need not. */
export function inHome(text: string, { home }: { readonly home: string }): string {
  return text === "~" || text.startsWith("~/") ? home + text.slice(1) : text;
}

/** The options of docker.build, which docker.ecr-cache and the folder of images share. */
export const buildOptions = {
  ...engineOptions,
  ...cacheOptions,
  ...stepOptions,
  name: option.string({
    doc: "Repository of the image, with or without a registry and a tag: `app`, `registry.example:5000/team/app`. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
    inPlace,
  }),
  tag: option.string({
    doc: "Tag of the image (`1.2`), or its whole reference (`team/app:1.2`). Default: the tag in `name`, else `latest`.",
    inPlace,
  }),
  tags: option.words({
    doc: "Further tags: bare ones (`1 1.2`) of the same repository, or whole references.",
    inPlace,
  }),
  source: option.custom("string", inHome, {
    doc: "Where the build's files come from: a folder (relative to the buildout), a tar archive (plain, gzip, bzip2, xz, zstd), a git repository (`https://host/repo.git#ref:folder`, `git@host:repo.git`), or an http(s) URL of a tar archive or a Dockerfile. Default: the buildout's folder; nothing where `dockerfile-inline` is given.",
    aliases: ["path"],
    inPlace,
  }),
  dockerfile: option.custom("string", inHome, {
    doc: "Path of the Dockerfile within the source; for a local folder it may also be outside of it. Default: `Dockerfile`.",
    inPlace,
  }),
  "dockerfile-inline": option.script({
    doc: "The Dockerfile itself. `$$` stands for `$`.",
    aliases: ["fileobj"],
    inPlace,
  }),
  "build-args": option.pairs({
    doc: "Build arguments, `KEY=VALUE` a line; a bare `KEY` takes its value from the environment, and is left out where it has none. The proxies of the docker CLI's settings (`proxies`) are build arguments, too.",
    aliases: ["buildargs"],
    inPlace,
  }),
  check: option.string({
    doc: "How BuildKit's checks of the Dockerfile are taken, in the words of its directive `# check=`: `error=true` fails the build for what is else a warning, `skip=all` or `skip=RULE,RULE` leaves checks out, `skip=RULE;error=true` is both.",
    inPlace,
  }),
  target: option.string({ doc: "Stage of the Dockerfile to build; the last one unless said.", inPlace }),
  labels: option.pairs({ doc: "Labels of the image, `KEY=VALUE` a line.", inPlace }),
  annotations: option.pairs({
    doc: "Annotations of the image's manifest (BuildKit), `[TYPE:]KEY=VALUE` a line: `org.opencontainers.image.title=App`, `index:KEY=VALUE`. An engine keeps them in its containerd image store only.",
    aliases: ["annotation"],
    inPlace,
  }),
  "cache-from": option.lines({
    doc: "Where to take cached steps from: an image a line; with buildx also `type=…,…`.",
    aliases: ["cache_from"],
    inPlace,
  }),
  "cache-to": option.lines({
    doc: "Where to put cached steps: `type=inline` (into the image), or with buildx any `type=…,…`. One of `type=registry` in ECR gets `image-manifest=true,oci-mediatypes=true`, as ECR wants it. A folder, `type=local,dest=…`, is not sent with the source in which it lies.",
    aliases: ["cache_to"],
    inPlace,
  }),
  "no-cache": option.boolean({
    doc: "Build every step anew.",
    default: "false",
    aliases: ["nocache"],
    inPlace,
  }),
  "no-cache-filter": option.words({
    doc: "Stages of the Dockerfile whose steps are built anew (buildx).",
    inPlace,
  }),
  pull: option.boolean({
    doc: "Ask the registry for newer versions of the images that the Dockerfile starts from, and rebuild when there is one.",
    default: "false",
    inPlace,
  }),
  rm: option.boolean({
    doc: "Remove the containers of the steps (classic builder). `false` leaves them to who looks into them, as `docker build --rm=false` does; they stay when the part goes.",
    default: "true",
    inPlace,
  }),
  "force-rm": option.boolean({
    doc: "Remove the containers of the steps even when the build fails (classic builder). `false` leaves the failed one to be looked into.",
    default: "true",
    aliases: ["forcerm"],
    inPlace,
  }),
  quiet: option.boolean({ doc: "Log nothing of the build unless it fails.", default: "false", inPlace }),
  encoding: option.choice(["identity", "gzip"], {
    doc: "How the context travels: `gzip` packs it on the way, for an engine behind a slow line.",
    default: "identity",
    inPlace,
  }),
  platform: option.custom("platforms", (text) => text.split(/[\s,]+/).filter(Boolean), {
    doc: "Platform to build for: `linux/arm64`; several (with buildx) are separated by commas or blanks.",
    inPlace,
  }),
  secrets: option.custom("secrets", parseSecrets, {
    doc: "Secrets for `RUN --mount=type=secret` (BuildKit), one a line: `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`. A file that is not there is an error; a variable that is not set makes an empty secret, as with buildx and Compose, and is said. Their values are not part of the image, of the log or of the record; another value alone builds nothing anew.",
    inPlace,
  }),
  ssh: option.lines({
    doc: "SSH for `RUN --mount=type=ssh` (BuildKit), one a line: `default` (the agent of SSH_AUTH_SOCK), `ID=SOCKET`, or `ID=KEY-FILE[,KEY-FILE…]`.",
    inPlace,
  }),
  output: option.lines({
    doc: "Where the result goes (buildx), instead of the engine's images: `type=local,dest=out`, `type=registry`, … Images get the names of the part where it gives no `name=`. A file is there when it is whole. A file or folder that is gone is made again; it stays when the part goes. A file, and a folder that a build has made, are not sent with the source in which they lie.",
    inPlace,
  }),
  builder: option.custom("builder", parseBuilder, {
    doc: "Who builds: `auto`, `buildx`, `buildx:NAME` (an instance of buildx), `buildkit` (the engine's own, without buildx), or `classic`. `auto` takes buildx where it is installed, else the engine's BuildKit, else the classic builder.",
    default: "auto",
    inPlace,
  }),
  provenance: option.string({
    doc: "Provenance attestation (buildx): `true`, `mode=max`. Off unless asked for.",
    inPlace,
  }),
  sbom: option.string({
    doc: "SBOM attestation (buildx): `true`, or a generator. Off unless asked for.",
    inPlace,
  }),
  "build-contexts": option.pairs({
    doc: "Further contexts (buildx), `NAME=PATH|URL|docker-image://…` a line. What changes in a folder or an image among them is a reason to build again.",
    aliases: ["build-context"],
    inPlace,
  }),
  "custom-context": option.boolean({
    doc: "Says that `dockerfile-inline` is not a Dockerfile but the path of a tar archive with the whole context. Kept for descriptions written for ecr-docker-ci.",
    default: "false",
    aliases: ["custom_context"],
    inPlace,
  }),
  decode: option.boolean({
    doc: "Has no effect: what the engine says is always decoded. Accepted for descriptions written for ecr-docker-ci.",
    default: "false",
    aliases: ["container_limits.decode"],
    inPlace,
  }),
};

export interface Secret {
  readonly id: string;
  readonly file?: string;
  readonly variable?: string;
}

function parseSecrets(text: string): Secret[] {
  return splitLines(text).map((line) => {
    const fields = new Map(
      line
        .split(",")
        .map((field) => [field.split("=")[0]!.trim(), field.slice(field.indexOf("=") + 1).trim()]),
    );
    const type = fields.get("type") ?? "file";
    const source = fields.get("src") ?? fields.get("source");
    // With `type=env` it is a variable that `src` names, and else the id.
    const variable = fields.get("env") ?? (type === "env" ? (source ?? fields.get("id")) : undefined);
    const file = type === "env" ? undefined : source;
    const id = fields.get("id") ?? (file ?? variable)?.split("/").at(-1);
    const unknown = [...fields.keys()].find((key) => !["id", "src", "source", "env", "type"].includes(key));
    if (!id || unknown || !["env", "file"].includes(type))
      throw new OptionValueError(`"${line}" is not a secret`, [
        "write id=NAME,src=FILE or id=NAME,env=VARIABLE",
      ]);
    return { id, ...(file ? { file } : {}), ...(variable ? { variable } : {}) };
  });
}

export type Builder =
  | { readonly kind: "auto" | "buildkit" | "classic" }
  | { readonly kind: "buildx"; readonly instance?: string };

function parseBuilder(text: string): Builder {
  if (text === "auto" || text === "buildkit" || text === "classic") return { kind: text };
  const [, instance] = /^buildx(?::(.+))?$/.exec(text) ?? fail(text);
  return { kind: "buildx", ...(instance ? { instance } : {}) };
}

function fail(text: string): never {
  throw new OptionValueError(`"${text}" is not a builder`, [
    "write auto, buildx, buildx:NAME, buildkit or classic",
  ]);
}
