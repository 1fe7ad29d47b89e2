import { createRequire } from "node:module";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { tsbuildout } from "../support/cli.js";
import { ensureBaseImage } from "../support/images.js";
import { temporaryFolder } from "../support/tmp.js";

/** An S3 server from npm; its types are not published. */
interface S3Server {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}
const S3rver = createRequire(import.meta.url)("s3rver") as new (options: object) => S3Server;

describe("publishing a run", () => {
  let image: string;
  let store: string;
  let server: S3Server;
  let env: Record<string, string>;
  before(async () => {
    image = await ensureBaseImage();
    store = await mkdtemp(join(tmpdir(), "tsbuildout-s3-"));
    const buckets = [{ name: "results" }];
    server = new S3rver({
      port: 0,
      address: "127.0.0.1",
      silent: true,
      directory: store,
      configureBuckets: buckets,
    });
    const { port } = await server.run();
    env = {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "S3RVER",
      AWS_SECRET_ACCESS_KEY: "S3RVER",
    };
  });
  after(async () => {
    await server.close();
    await rm(store, { recursive: true, force: true });
  });

  const config = (results: string): string =>
    `[buildout]\nparts = a\nresults = ${results}\n[a]\nrecipe = docker.stage\nimage = ${image}\npublish = result\nrun =\n    mkdir result\n    echo built > result/out.txt\ndir = /tmp\n`;
  async function install(results: string): Promise<{ folder: string; stderr: string; code: number | null }> {
    const folder = await temporaryFolder({ "buildout.cfg": config(results) });
    const { code, stderr } = await tsbuildout(["install"], { cwd: folder, env });
    return { folder, code, stderr };
  }

  it("uploads the page, the logs, the events and the zipped outputs to a bucket", async () => {
    const { folder, code, stderr } = await install("s3://results/ci");
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
    const files = (await readdir(join(store, "results"), { recursive: true })).filter((path) =>
      path.endsWith("_object"),
    );
    const names = files.map((path) => path.replace(/^ci\/[^/]+\//, "").replace("._S3rver_object", "")).sort();
    expect(names).to.deep.equal(["events.jsonl", "index.json", "logs/a.log", "outputs/a.zip", "report.html"]);
    const zip = await readFile(join(store, "results", files.find((path) => path.includes("a.zip"))!));
    expect(zip.toString("latin1")).to.match(/^PK/).and.to.contain("result/out.txt");
    await tsbuildout(["uninstall", "--all"], { cwd: folder });
  });

  it("copies into a folder", async () => {
    const { folder } = await install("published");
    const [run] = await readdir(join(folder, "published"));
    expect(await readdir(join(folder, "published", run!))).to.include.members(["index.json", "report.html"]);
    await tsbuildout(["uninstall", "--all"], { cwd: folder });
  });

  it("warns once where it is refused, and the run is what it was", async () => {
    const { folder, code, stderr } = await install("s3://no-such-bucket/x");
    expect(code).to.equal(0);
    expect(stderr).to.match(/^warning: this run was not published to s3:\/\/no-such-bucket\/x: .*\n$/);
    await tsbuildout(["uninstall", "--all"], { cwd: folder });
  });
});
