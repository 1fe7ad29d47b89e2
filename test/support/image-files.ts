import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { extract, type Header } from "tar-stream";
import { engineJson, engineRemove, engineRequest, uniqueName } from "./engine.js";

export interface FileInfo {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly linkname: string | null;
  readonly mtime: number;
  readonly content: Buffer;
  /** Extended attributes as they stand in the archive. */
  readonly pax: Readonly<Record<string, string>>;
}

/** The files of a root, by path without slashes at the ends. */
export class Files {
  readonly all: ReadonlyMap<string, FileInfo>;

  constructor(all: ReadonlyMap<string, FileInfo>) {
    this.all = all;
  }

  has(path: string): boolean {
    return this.all.has(path);
  }

  get(path: string): FileInfo | undefined {
    return this.all.get(path);
  }

  text(path: string): string | undefined {
    return this.all.get(path)?.content.toString();
  }
}

/** All files of an image, as the engine exports them. */
export async function filesOf(image: string): Promise<Files> {
  const name = uniqueName("tsbg-export");
  const body = { Image: image, Cmd: ["-"], Entrypoint: [""] };
  await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body });
  try {
    return await filesOfTar((await engineRequest({ path: `/containers/${name}/export` })).body);
  } finally {
    await engineRemove("containers", name);
  }
}

/** All files of a tar archive. */
export async function filesOfTar(archive: Buffer): Promise<Files> {
  const found = new Map<string, FileInfo>();
  const entries = extract();
  entries.on("entry", (header: Header, body, next) => {
    void buffer(body).then((content) => {
      const { type, mode, uid, gid, size, linkname, mtime, pax } = header;
      const path = header.name.replace(/^\.?\/+/, "").replace(/\/$/, "");
      found.set(path, {
        type: type ?? "file",
        mode: (mode ?? 0) & 0o7777,
        uid: uid ?? 0,
        gid: gid ?? 0,
        size: size ?? 0,
        linkname: linkname ?? null,
        mtime: Math.floor((mtime?.getTime() ?? 0) / 1000),
        content,
        pax: (pax as Record<string, string> | undefined) ?? {},
      });
      next();
    });
  });
  const done = new Promise<void>((resolve, reject) => entries.on("finish", resolve).on("error", reject));
  Readable.from([archive], { objectMode: false }).pipe(entries);
  await done;
  return new Files(found);
}
