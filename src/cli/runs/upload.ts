import { createReadStream } from "node:fs";
import { cp, mkdir, readdir, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";

/** Where `[buildout] results` sends a run: a bucket, or a folder on this machine. */
export type Destination =
  | { readonly kind: "s3"; readonly bucket: string; readonly prefix: string }
  | { readonly kind: "folder"; readonly path: string };

/** `s3://bucket/prefix`, or a folder relative to the buildout. */
export function parseDestination(text: string, directory: string): Destination {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]+)\/?(.*)$/.exec(text);
  if (!match) return { kind: "folder", path: resolve(directory, text) };
  return { kind: "s3", bucket: match[1]!, prefix: match[2]!.replace(/\/+$/, "") };
}

export interface Upload {
  /** The run's folder; what lies in it is what is published, under `<id>/`. */
  readonly folder: string;
  readonly id: string;
  readonly destination: Destination;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Publishes a kept run, readable for whoever may read the destination and for nobody else. Rejects where a file is
 *  refused; those before it stay. */
export async function uploadRun({ folder, id, destination, env, signal }: Upload): Promise<void> {
  if (destination.kind === "folder") {
    await mkdir(destination.path, { recursive: true, mode: 0o700 });
    await cp(folder, join(destination.path, id), { recursive: true });
    return;
  }
  const { S3Client, PutObjectCommand } = await import("@aws-sdk/client-s3");
  const endpoint = env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
  const client = new S3Client({
    maxAttempts: 6,
    logger: SILENT,
    // Other vendors' stores take the chunks of a trailing checksum for content, and know buckets as folders only.
    requestChecksumCalculation: "WHEN_REQUIRED",
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
  });
  try {
    for (const path of await filesBelow(folder)) {
      const key = [destination.prefix, id, relative(folder, path)].filter((piece) => piece !== "").join("/");
      const { size } = await stat(path);
      const body = createReadStream(path);
      const command = {
        Bucket: destination.bucket,
        Key: key,
        Body: body,
        ContentLength: size,
        ContentType: typeOf(path),
      };
      await client.send(new PutObjectCommand(command), { abortSignal: signal });
    }
  } finally {
    client.destroy();
  }
}

function nothing(): void {
  // What goes wrong is thrown as well, and reported once.
}

const SILENT = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  json: "application/json",
  jsonl: "application/x-ndjson",
  log: "text/plain; charset=utf-8",
  zip: "application/zip",
};

function typeOf(path: string): string {
  return TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
