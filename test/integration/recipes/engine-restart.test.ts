import { expect } from "chai";
import { copyFile } from "node:fs/promises";
import http, { type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestBuildout } from "../../../src/testing.js";
import { diagnostics, imageBuildout } from "../../support/image-buildout.js";
import { PrivateEngine } from "../../support/private-engine.js";
import { writeFiles } from "../../support/tmp.js";

const DOCKERFILE = [
  "FROM scratch",
  "COPY busybox /bin/busybox",
  "COPY busybox /bin/sh",
  'RUN ["/bin/busybox", "mkfifo", "/pipe"]',
  "ARG WAIT",
  'RUN ["/bin/sh", "-c", "echo started; [ $WAIT = 0 ] || read -t $WAIT < /pipe; echo built > /built"]',
  "",
].join("\n");

const config = (builder: string, wait: number): string =>
  `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = restarted\nsource = src\nnetwork = none\nbuilder = ${builder}\nbuild-args = WAIT=${wait}\n`;

/** A real dockerd that ends in the middle of a build, and comes back on what it had. */
describe("docker.build on an engine that is restarted in the middle", () => {
  let engine: PrivateEngine;
  let made: TestBuildout;
  before(async () => void (engine = await PrivateEngine.start()));
  after(async () => await engine.remove());
  afterEach(async () => await made.dispose());

  /** Those that a run could have left: with a name, or of ours and without one. */
  const images = async (): Promise<string[]> => {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const socketPath = engine.host.slice("unix://".length);
      http.get({ socketPath, path: "/images/json", agent: false }, resolve).on("error", reject);
    });
    const list = JSON.parse(await text(answer)) as { RepoTags: string[]; Labels: object | null }[];
    return list.filter(({ Labels }) => Labels).map(({ RepoTags }) => RepoTags[0] ?? "");
  };
  const cutOff = [
    "engine/cut-off: the engine's answer was cut off",
    "note: the connection closed in the middle of the answer",
  ].join("\n");
  const notUndone = (): string =>
    [
      `part/not-undone: the failed install of app could not be undone: cannot reach the Docker engine at ${engine.host} (DOCKER_HOST)`,
      "help: the next run tries again",
    ].join("\n");

  for (const [signal, builder] of [
    ["SIGKILL", "buildkit"],
    ["SIGKILL", "classic"],
    ["SIGTERM", "buildkit"],
  ] as const)
    it(`by ${signal}, with the builder ${builder}: says so, and the next run builds`, async () => {
      made = await imageBuildout({ config: config(builder, 5), env: { DOCKER_HOST: engine.host } });
      await writeFiles(join(made.directory, "src"), { Dockerfile: DOCKERFILE });
      await copyFile("/bin/busybox", join(made.directory, "src/busybox"));
      let down: Promise<void> | undefined;
      const summary = await made.install({
        report: (event) => {
          made.events.push(event);
          if (event.type === "part-log" && event.line === "started") down ??= engine.down(signal);
        },
      });
      expect(summary.ok).to.equal(false);
      await down;
      expect(diagnostics(made)).to.deep.equal([notUndone(), cutOff]);
      await engine.up();
      await made.write(config(builder, 0));
      made.events.length = 0;
      const again = await made.install();
      expect(again.ok, diagnostics(made).join("\n")).to.equal(true);
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      expect(await images()).to.deep.equal(["restarted:latest"]);
      await made.uninstall();
      expect(await images()).to.deep.equal([]);
    });
});
