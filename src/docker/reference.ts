import { DockerError } from "./errors.js";

/** A reference to an image in its full form (https://github.com/distribution/reference). */
export interface Reference {
  /** Registry host with port: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Repository below the registry: `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

const HUB = "docker.io";
const HUB_LIBRARY = "library/";
const NAME_LIMIT = 255;

const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const IDENTIFIER = /^[a-f0-9]{64}$/;

/**
 * Reads a reference as the docker CLI does: Docker Hub and its `library/` are filled in, a tag is not.
 * @throws DockerError `reference/invalid`
 */
export function parseReference(text: string): Reference {
  const [beforeDigest = "", digest, ...more] = text.split("@");
  if (more.length > 0) throw invalid(text, "it has more than one @");
  if (digest !== undefined && !DIGEST.test(digest)) throw invalid(text, "what follows @ is not a digest");
  const { name, tag } = splitTag(beforeDigest);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, "what follows the last colon is not a tag");
  if (IDENTIFIER.test(name)) throw invalid(text, "64 hexadecimal digits are an image's id, not a name");
  const { domain, path } = splitDomain(name);
  if (!DOMAIN.test(domain)) throw invalid(text, `"${domain}" is not a registry's host`);
  if (!PATH.test(path)) throw invalid(text, pathFault(path));
  if (domain.length + 1 + path.length > NAME_LIMIT)
    throw invalid(text, `its name has more than ${NAME_LIMIT} characters`);
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The full form: `docker.io/library/busybox:latest@sha256:…`. Reading it again gives the same reference. */
export function formatReference(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** The form that people write and the docker CLI prints: `busybox:latest`. Reading it again gives the same reference. */
export function familiarReference(reference: Reference): string {
  return `${familiarName(reference)}${suffix(reference)}`;
}

/** The repository as people write it: `busybox`, `localhost:5000/a/b`. */
export function familiarName({ domain, path }: Reference): string {
  const short = path.startsWith(HUB_LIBRARY) ? path.slice(HUB_LIBRARY.length) : path;
  const forms = domain === HUB ? [short, path] : [];
  // A short form that would be read as something else (a host, an id) is not a form of this one.
  const same = (form: string): boolean => {
    const read = splitDomain(form);
    return read.domain === domain && read.path === path && !IDENTIFIER.test(form);
  };
  return forms.find(same) ?? `${domain}/${path}`;
}

/** Whether a reference says which registry it is of: `localhost/app` does, `app` and `ann/app` do not. */
export function hasRegistry(text: string): boolean {
  const slash = text.indexOf("/");
  return slash >= 0 && isDomain(text.slice(0, slash));
}

/** The reference with the tag `latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag || reference.digest ? reference : { ...reference, tag: "latest" };
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function splitTag(text: string): { name: string; tag?: string } {
  const colon = text.lastIndexOf(":");
  if (colon < 0 || text.includes("/", colon)) return { name: text };
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) };
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const named = hasRegistry(name);
  const domain = named ? (first === "index.docker.io" ? HUB : first) : HUB;
  const path = named ? name.slice(slash + 1) : name;
  return { domain, path: domain === HUB && !path.includes("/") ? `${HUB_LIBRARY}${path}` : path };
}

function isDomain(first: string): boolean {
  return /[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
}

function pathFault(path: string): string {
  if (path === "" || path === HUB_LIBRARY) return "it has no name";
  return path.toLowerCase() === path
    ? `"${path}" is not a repository's name`
    : "a repository's name is in lower case";
}

function invalid(text: string, why: string): DockerError {
  return new DockerError({
    code: "reference/invalid",
    message: `"${text}" is not an image reference: ${why}`,
  });
}
