/** What a registry holds, put there and read by its own API (https://github.com/opencontainers/distribution-spec): no engine is asked. */
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { packFiles } from "../../src/docker.js";

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

interface Descriptor {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: string;
}

/**
 * Puts an image into a registry.
 * @param reference `host/repository:tag`
 * @param platforms one, or several for a list of images
 */
export async function putImage(
  reference: string,
  platforms: readonly string[] = ["linux/amd64"],
): Promise<void> {
  const [, host = "", repository = "", tag = ""] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference) ?? [];
  const base = `http://${host}/v2/${repository}`;
  const manifests: object[] = [];
  for (const platform of platforms) {
    const [os, architecture] = platform.split("/");
    const layer = await buffer(packFiles([{ name: "platform", content: Buffer.from(platform) }]));
    const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
    const config = Buffer.from(JSON.stringify({ architecture, os, config: {}, rootfs }));
    const content = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: await putBlob(base, config, "application/vnd.docker.container.image.v1+json"),
      layers: [await putBlob(base, layer, "application/vnd.docker.image.rootfs.diff.tar")],
    };
    const name = platforms.length === 1 ? tag : undefined;
    manifests.push({ ...(await putManifest(base, content, name)), platform: { architecture, os } });
  }
  if (platforms.length > 1) await putManifest(base, { schemaVersion: 2, mediaType: LIST, manifests }, tag);
}

/** The tags of a repository, sorted; none where there is no repository. */
export async function tagsIn(host: string, repository: string): Promise<string[]> {
  const answer = await fetch(`http://${host}/v2/${repository}/tags/list`);
  return (((await answer.json()) as { tags?: string[] }).tags ?? []).sort();
}

/** What a registry has under a tag. */
export async function manifestIn(reference: string): Promise<{ digest: string; content: object }> {
  const [, host = "", repository = "", tag = ""] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference) ?? [];
  const accept = [MANIFEST, LIST, OCI_MANIFEST, OCI_INDEX].join(", ");
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
  const digest = answer.headers.get("docker-content-digest") ?? "";
  return { digest, content: (await answer.json()) as object };
}

async function putManifest(
  base: string,
  content: { readonly mediaType: string; readonly [field: string]: unknown },
  name?: string,
): Promise<Descriptor> {
  const body = Buffer.from(JSON.stringify(content));
  const digest = digestOf(body);
  await put(`${base}/manifests/${name ?? digest}`, body, content.mediaType);
  return { mediaType: content.mediaType, size: body.length, digest };
}

async function putBlob(base: string, body: Buffer, mediaType: string): Promise<Descriptor> {
  const digest = digestOf(body);
  const begun = await fetch(`${base}/blobs/uploads/`, { method: "POST" });
  const place = new URL(begun.headers.get("location") ?? "", base);
  place.searchParams.set("digest", digest);
  await put(String(place), body, "application/octet-stream");
  return { mediaType, size: body.length, digest };
}

async function put(url: string, body: Buffer, type: string): Promise<void> {
  const answer = await fetch(url, {
    method: "PUT",
    body: Uint8Array.from(body),
    headers: { "content-type": type },
  });
  if (answer.status !== 201) throw new Error(`PUT ${url}: ${answer.status} ${await answer.text()}`);
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
