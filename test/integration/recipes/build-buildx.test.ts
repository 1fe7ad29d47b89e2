import { expect } from "chai";
import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestBuildout } from "../../../src/testing.js";
import { engineHost, engineRemove, uniqueName } from "../../support/engine.js";
import { baseImage, ensureBaseImage } from "../../support/images.js";
import { failing, imageBuildout, inspectedImage, installed } from "../../support/image-buildout.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

/** Stands in for `docker buildx`, which Debian 12 has not: notes how it was called, and lets the engine build. */
const STAND_IN = `#!${process.execPath}
Promise.all([import("node:child_process"), import("node:fs"), import("node:http"), import("node:path")]).then(([{ spawn }, { existsSync, writeFileSync }, http, { dirname }]) => {
const here = dirname(process.argv[1]);
const args = process.argv.slice(2);
const say = (vertex, logs = []) => console.error(JSON.stringify({ vertexes: [{ digest: "a", name: "[2/2] RUN make", started: "t", ...vertex }], logs }));
const after = (flag) => args[args.indexOf(flag) + 1];
writeFileSync(here + "/arguments", args.join("\\n"));
writeFileSync(here + "/environment", Object.entries(process.env).map((pair) => pair.join("=") + "\\n").join(""));
say({}, [{ vertex: "a", stream: 1, data: "bWFkZQo=" }]);
if (existsSync(here + "/fail")) {
  const error = "process did not complete successfully: exit code: 4";
  say({ completed: "t", error });
  console.error("ERROR: failed to build: failed to solve: " + error);
  process.stdin.resume().on("end", () => process.exit(1));
} else {
  const path = "/build?version=1&dockerfile=Dockerfile&t=" + after("--tag");
  const headers = { "content-type": "application/x-tar" };
  const socketPath = process.env.DOCKER_HOST.replace("unix://", "");
  const request = http.request({ socketPath, method: "POST", path, headers }, (answer) => answer.resume());
  spawn("tar", ["-cf", "-", "-C", dirname(after("--file")), "Dockerfile"]).stdout.pipe(request);
  writeFileSync(after("--metadata-file"), JSON.stringify({ "containerimage.digest": "sha256:${"d".repeat(64)}" }));
}
});
`;

describe("docker.build with buildx", () => {
  let name: string;
  let folder: string;
  let made: TestBuildout;
  const config = (options: string): string =>
    `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\nsource = src\n${options}\n`;
  const read = async (file: string): Promise<string> => await readFile(join(folder, "bin", file), "utf8");
  before(async () => void (await ensureBaseImage()));
  beforeEach(async () => {
    name = uniqueName("tsb-buildx");
    folder = await temporaryFolder({ "bin/docker": STAND_IN, "config/cli-plugins/docker-buildx": "" });
    for (const file of ["bin/docker", "config/cli-plugins/docker-buildx"])
      await chmod(join(folder, file), 0o755);
    const env = {
      PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
      DOCKER_CONFIG: join(folder, "config"),
      SECRET: "not-in-arguments",
      HTTPS_PROXY: "http://ann:not-in-arguments@proxy.invalid",
    };
    made = await imageBuildout({
      config: "",
      env,
      files: { "src/Dockerfile": `FROM ${baseImage}\nRUN make\n`.replace("RUN make", "RUN true") },
    });
  });
  afterEach(async () => {
    await made.dispose();
    await engineRemove("images", name);
  });

  it("hands it everything, and no value where others could read it", async () => {
    await made.write(
      config(
        "build-args =\n  TOKEN=the-value\n  HTTPS_PROXY\nsecrets = id=s,env=SECRET\nplatform = linux/amd64\ncache-to = type=inline\nprovenance = mode=max\nsbom = true\nbuild-contexts = more=src",
      ),
    );
    const outputs = await installed(made, "app");
    expect(outputs).to.include({
      "image-id": (await inspectedImage(name))?.Id,
      digest: `sha256:${"d".repeat(64)}`,
    });
    expect(made.log("app")).to.deep.equal(["[2/2] RUN make", "made"]);
    const given = (await read("arguments")).replaceAll("\n", " ");
    expect(given).to.match(
      /^buildx build --progress=rawjson --metadata-file \S+ --file \S+\/Dockerfile --tag \S+:latest --build-arg TOKEN --build-arg HTTPS_PROXY --label /,
    );
    expect(given.replace(/\S+$/, "FOLDER")).to.contain(
      ` --cache-to type=inline --platform linux/amd64 --secret id=s,env=TSBUILDOUT_SECRET_0 --build-context more=${made.directory}/src --provenance=mode=max --sbom true --load -- FOLDER`,
    );
    expect(given).not.to.match(/the-value|not-in-arguments/);
    const environment = await read("environment");
    expect(environment).to.contain("TOKEN=the-value\n").and.to.contain(`DOCKER_HOST=${engineHost()}\n`);
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  });

  it("has its cache in the source, which is no change of that", async () => {
    await made.write(config("cache-to = type=local,dest=src/cache"));
    await installed(made, "app");
    await writeFiles(made.directory, { "src/cache/index.json": "{}" });
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  });

  it("is left aside when another builder is asked for", async () => {
    await made.write(config("builder = classic"));
    await installed(made, "app");
    expect(await read("arguments").catch(() => "not called")).to.equal("not called");
    await made.uninstall();
  });

  it("says which step failed", async () => {
    await writeFiles(folder, { "bin/fail": "" });
    await writeFiles(made.directory, { "src/Dockerfile": `FROM ${baseImage}\nRUN make\n` });
    await made.write(config(""));
    expect(await failing(made)).to.equal(
      [
        "build/failed: the build failed at [2/2] RUN make: exit code 4",
        "note: src/Dockerfile:2: RUN make",
        "note: its last lines:\n  made",
      ].join("\n"),
    );
  });
});
