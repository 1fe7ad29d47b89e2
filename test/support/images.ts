import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { type Pack, pack } from "tar-stream";
import { engineHas, engineRequest } from "./engine.js";

/** What an image of ours has besides its files. Docker's names (Engine API, image inspect `Config`). */
export interface ImageConfig {
  readonly Env?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  readonly Healthcheck?: object;
}

/** The image that tests use where any will do: busybox with all its applets, ended at once by a stop. */
export const baseImage = "tsbuildout-test/busybox:latest";

/** Marks the images that this file made. */
const baseImageLabel = "org.tsbuildout.base";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", arm: "arm" };

/** Makes sure that the engine has `baseImage`, and gives its name. */
export async function ensureBaseImage(): Promise<string> {
  if (!(await engineHas(`/images/${baseImage}/json`))) await loadImage(baseImage);
  return baseImage;
}

/**
 * Loads a busybox image under a tag; no registry is asked. The same tag and config give the same image id.
 * @param tag `name:tag`
 */
export async function loadImage(tag: string, config: ImageConfig = {}): Promise<void> {
  const body = await imageArchive(tag, config);
  const answer = await engineRequest({ method: "POST", path: "/images/load?quiet=1", body });
  const text = answer.body.toString().trim();
  // The answer is JSON lines: what goes wrong while unpacking has status 200 as well.
  if (answer.status !== 200 || text.includes('"errorDetail"'))
    throw new Error(`cannot load ${tag}: ${answer.status} ${text}`);
}

/** An image as `docker save` writes one (docker/docker image/spec/v1.2). */
export async function imageArchive(tag: string, config: ImageConfig = {}): Promise<Buffer> {
  const layer = await busyboxLayer();
  const json = JSON.stringify({
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: {
      Env: ["PATH=/bin"],
      Cmd: ["sh"],
      StopSignal: "SIGKILL",
      ...config,
      Labels: { [baseImageLabel]: "busybox", ...config.Labels },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: "2024-01-01T00:00:00Z", created_by: "busybox-static" }],
  });
  const name = `${sha256(json)}.json`;
  const manifest = JSON.stringify([{ Config: name, RepoTags: [tag], Layers: ["layer.tar"] }]);
  return tar([
    [{ name }, json],
    [{ name: "layer.tar" }, layer],
    [{ name: "manifest.json" }, manifest],
  ]);
}

/**
 * One image for several platforms as containerd's store saves it, in OCI's layout
 * (https://github.com/opencontainers/image-spec/blob/main/image-layout.md). Each holds its platform's name.
 * @param tag `name:tag`, of Docker Hub
 */
export async function severalArchive(tag: string, platforms: readonly string[]): Promise<Buffer> {
  const blobs: Entry[] = [];
  const blob = (type: string, content: Buffer | string) => {
    const digest = sha256(content);
    blobs.push([{ name: `blobs/sha256/${digest}` }, content]);
    const mediaType = `application/vnd.oci.image.${type}`;
    return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(content) };
  };
  const json = (type: string, content: object) => blob(`${type}.v1+json`, JSON.stringify(content));
  const manifests: object[] = [];
  for (const platform of platforms) {
    const [os, architecture] = platform.split("/");
    const layer = await tar([[{ name: "platform" }, platform]]);
    const rootfs = { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] };
    const manifest = json("manifest", {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: json("config", { os, architecture, rootfs }),
      layers: [blob("layer.v1.tar", layer)],
    });
    manifests.push({ ...manifest, platform: { os, architecture } });
  }
  const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
  const annotations = { "io.containerd.image.name": `docker.io/library/${tag}` };
  const named = { schemaVersion: 2, manifests: [{ ...json("index", index), annotations }] };
  return await tar([
    ...blobs,
    [{ name: "oci-layout" }, JSON.stringify({ imageLayoutVersion: "1.0.0" })],
    [{ name: "index.json" }, JSON.stringify(named)],
  ]);
}

let layerMade: Promise<Buffer> | undefined;

function busyboxLayer(): Promise<Buffer> {
  layerMade ??= tar(busyboxEntries());
  return layerMade;
}

function busyboxEntries(): Entry[] {
  const program = readFileSync("/bin/busybox");
  // Debian's other busybox package needs a C library, which an image of one file has not.
  if (program.subarray(0, 4096).includes("/ld-"))
    throw new Error("/bin/busybox is not static: install the package busybox-static");
  const applets = execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n");
  return [
    folder("bin"),
    [{ name: "bin/busybox", mode: 0o755 }, program],
    ...applets
      .filter((name) => name !== "busybox")
      .map((name): Entry => [{ name: `bin/${name}`, type: "symlink", linkname: "busybox" }, ""]),
    folder("etc"),
    [{ name: "etc/passwd" }, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"],
    [{ name: "etc/group" }, "root:x:0:\nnogroup:x:65534:\n"],
    folder("root", 0o700),
    folder("tmp", 0o1777),
    folder("var"),
  ];
}

function folder(name: string, mode = 0o755): Entry {
  return [{ name, type: "directory", mode }, ""];
}

type Entry = readonly [header: Parameters<Pack["entry"]>[0], content: Buffer | string];

function tar(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  // One time for all: the same content must give the same digest.
  for (const [header, content] of entries) archive.entry({ ...header, mtime: new Date(0) }, content);
  archive.finalize();
  return buffer(archive);
}

function sha256(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}
