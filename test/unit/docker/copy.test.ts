import { expect } from "chai";
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { copyPath, digestPath } from "../../../src/docker/copy.js";
import { tarHeader } from "../../../src/docker/tar-write.js";
import { connectTo, fakeEngine } from "../../support/listening.js";
import { failureOf } from "../../support/recipe-part.js";
import { temporaryFolder } from "../../support/tmp.js";

const FOLDER = {
  name: "data",
  size: 0,
  mode: 0o20_000_000_755,
  mtime: "2026-01-01T00:00:00Z",
  linkTarget: "",
};

const header = (name: string, type: string): Buffer =>
  tarHeader({ name, type, mode: 0o755, uid: 0, gid: 0, size: 0, mtimeNs: 0n });

describe("copying into a folder", () => {
  it("makes a link to a name that begins with two dots, as Kubernetes has them", async () => {
    const path = await temporaryFolder();
    const source = await temporaryFolder({ "..data": "key" });
    await symlink("..data", join(source, "key"));
    await copyPath({ from: { kind: "folder", path: source }, to: { kind: "folder", path }, path: "/" });
    expect(await readFile(join(path, "key"), "utf8")).to.equal("key");
  });
});

describe("copying from an engine that dies", () => {
  it("is no whole copy, even where the archive is cut off between two entries", async () => {
    const server = await fakeEngine((request, response) => {
      const stat = Buffer.from(JSON.stringify(FOLDER)).toString("base64");
      if (request.method === "HEAD") response.setHeader("X-Docker-Container-Path-Stat", stat).end();
      else
        response.socket?.end(
          Buffer.concat([
            Buffer.from("HTTP/1.0 200 OK\r\n\r\n"),
            header("data/", "5"),
            header("data/a", "0"),
          ]),
        );
    });
    const engine = await connectTo(server.url);
    const from = { kind: "container", engine, container: "c" } as const;
    const path = await temporaryFolder();
    const cut = {
      code: "archive/cut-off",
      message: "the tar archive cannot be read",
      notes: ["the archive has no end"],
    };
    const copy = copyPath({ from, to: { kind: "folder", path }, path: "/data", exactTimes: false });
    expect(await failureOf(copy)).to.deep.equal(cut);
    expect(await failureOf(digestPath(from, "/data"))).to.deep.equal(cut);
    await engine.close();
    await server.close();
  });
});
