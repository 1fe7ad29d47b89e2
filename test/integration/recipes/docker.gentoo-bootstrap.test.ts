import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, link, mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { expect } from "chai";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { debianArchive, debianRoot } from "../../support/debian-root.js";
import {
  engineHas,
  engineJson,
  engineObjects,
  engineRemove,
  engineRequest,
  uniqueName,
} from "../../support/engine.js";
import { untilFrozen } from "../../support/freeze.js";
import { archiveOf, busyboxAt, importArchive, rights } from "../../support/gentoo.js";
import { filesOf } from "../../support/image-files.js";
import { loadImage } from "../../support/images.js";
import { temporaryFolder } from "../../support/tmp.js";

const docker = (...args: string[]): string => execFileSync("docker", args, { encoding: "utf8" }).trim();

/** What the docker program says of an image: podman prints progress as well, and an id without its kind. */
const idIn = (said: string): string => `sha256:${/[0-9a-f]{64}/.exec(said)?.[0]}`;

describe("docker.gentoo-bootstrap", () => {
  let buildout: TestBuildout;
  let image: string;
  let container: string;
  let env: Record<string, string | undefined>;

  beforeEach(async () => {
    image = uniqueName("tsbg/boot");
    container = `${image.replaceAll("/", "_")}_bootstrap`;
    env = { ...process.env };
    buildout = await testBuildout({ config: "", env });
  });

  afterEach(async () => {
    await buildout.uninstall().catch(() => undefined);
    await engineRemove("containers", container);
    await engineRemove("images", `${image}:latest`);
    await buildout.dispose();
  });

  const config = (options: string): string => `[buildout]
parts = boot
[boot]
recipe = docker.gentoo-bootstrap
image = ${image}
${rights}${options}`;

  async function install(options: string): Promise<void> {
    await buildout.write(config(options));
    buildout.events.length = 0;
    const summary = await buildout.install();
    const told = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(summary.ok, told.join("\n")).to.equal(true);
  }

  async function problem(options: string) {
    await buildout.write(config(options));
    buildout.events.length = 0;
    const summary = await buildout.install();
    expect(summary.parts[0]?.end).to.equal("failed");
    const told = buildout.events.findLast((event) => event.type === "diagnostic");
    return told?.type === "diagnostic" ? told.diagnostic : expect.fail("no failure was told");
  }

  /** Everything of ours on the engine. */
  const ours = async (): Promise<string[]> =>
    (await engineObjects("org.tsbuildout.part=boot")).filter((name) => name.includes(image.split("/")[1]!));

  async function smallRoot(): Promise<string> {
    const path = `${buildout.directory}/root.tar`;
    await writeFile(path, await archiveOf(busyboxAt("")));
    return path;
  }

  for (const extension of ["gz", "bz2", "xz", "zst"] as const)
    it(`makes an image of Debian's root as .tar.${extension}, merged-usr as it is`, async () => {
      const archive = debianArchive(extension);
      await install(
        `archives = ${archive}\nscript = dpkg-query -W -f '$$\{Package}\\n' coreutils; readlink /bin\n`,
      );
      expect(buildout.log()).to.deep.equal(["coreutils", "usr/bin"]);
      expect(await ours()).to.deep.equal([`container ${container}`, `image ${image}:latest`]);
      const { State } = await engineJson<{ State: { Running: boolean } }>({
        path: `/containers/${container}/json`,
      });
      expect(State.Running).to.equal(true);
    });

  it("its script has the proxies of the docker CLI's settings, and the image has not", async () => {
    const proxies = { default: { httpsProxy: "http://10.0.0.1:3128" } };
    env["DOCKER_CONFIG"] = await temporaryFolder({ "config.json": JSON.stringify({ proxies }) });
    await install(`archives = ${await smallRoot()}\nscript = echo $HTTPS_PROXY $https_proxy\n`);
    expect(buildout.log()).to.deep.equal(["http://10.0.0.1:3128 http://10.0.0.1:3128"]);
    for (const path of [`/images/${image}:latest/json`, `/containers/${container}/json`]) {
      const { Config } = await engineJson<{ Config: { Env?: string[] | null } }>({ path });
      expect((Config.Env ?? []).join("\n")).not.to.match(/proxy/i);
    }
  });

  for (const commit of [true, false])
    it(`says that it takes the last name of an image that somebody made by hand: commit = ${commit}`, async () => {
      await loadImage(`${image}:latest`, { Labels: { other: image } });
      const { Id } = await engineJson<{ Id: string }>({ path: `/images/${image}:latest/json` });
      const options = (script: string): string =>
        `archives = ${buildout.directory}/root.tar\ncommit = ${commit}\nscript = ${script}\n`;
      await smallRoot();
      await install(options("true"));
      const said = buildout.events.flatMap((event) =>
        event.type === "diagnostic" ? [event.diagnostic] : [],
      );
      expect(said.map(({ code, message }) => `${code}: ${message}`)).to.deep.equal([
        `build/name-taken: ${image}:latest was the only name of an image that no buildout has made, ${Id}: this part's image has it now`,
      ]);
      await install(options("echo again"));
      expect(buildout.events.some(({ type }) => type === "diagnostic")).to.equal(false);
      await engineRemove("images", Id);
    });

  it("imports a root with nothing lost", async () => {
    await install(`archives = ${debianRoot()}\n`);
    const listed = execFileSync("tar", ["-tf", debianRoot()], { encoding: "utf8", maxBuffer: 1 << 26 });
    const names = listed
      .split("\n")
      .map((name) => name.replace(/^\.\/|\/$/g, ""))
      .filter((name) => name !== "");
    const files = await filesOf(`${image}:latest`);
    expect(names.filter((name) => !files.has(name))).to.deep.equal([]);
  });

  it("lays several archives over each other, each below its prefix, bit by bit", async () => {
    await smallRoot();
    const folder = await temporaryFolder();
    await mkdir(`${folder}/tree/d`, { recursive: true });
    const long = `d/${"long-".repeat(40)}name`;
    await writeFile(`${folder}/tree/${long}`, "long");
    await writeFile(`${folder}/tree/prog`, "#!/bin/sh\n");
    await chmod(`${folder}/tree/prog`, 0o4755);
    await link(`${folder}/tree/prog`, `${folder}/tree/d/same`);
    await symlink("/etc/none", `${folder}/tree/gone`);
    await writeFile(`${folder}/tree/ü y`, "");
    await truncate(`${folder}/tree/ü y`, 5_000_000);
    execFileSync("setcap", ["cap_net_raw=ep", `${folder}/tree/d/${basename(long)}`]);
    const archive = `${folder}/more.tar.gz`;
    execFileSync("tar", [
      "--xattrs",
      "--xattrs-include=*",
      "--sparse",
      "--owner=123456",
      "--group=70000",
      "-C",
      `${folder}/tree`,
      "-czf",
      archive,
      ".",
    ]);
    const sum = createHash("sha512")
      .update((await import("node:fs")).readFileSync(archive))
      .digest("hex");
    await install(`archives =\n  root.tar\n  ${archive} /opt/more ${sum}\n`);
    const files = await filesOf(`${image}:latest`);
    expect(files.get("opt/more/prog")).to.include({ mode: 0o4755, uid: 123456, gid: 70000 });
    const hard = ["opt/more/prog", "opt/more/d/same"].map((name) => files.get(name));
    expect(hard.map((file) => file?.type)).to.have.members(["file", "link"]);
    expect(files.get("opt/more/gone")?.linkname).to.equal("/etc/none");
    expect(files.get("opt/more/ü y")?.size).to.equal(5_000_000);
    expect(files.get(`opt/more/${long}`)?.pax).to.have.property("SCHILY.xattr.security.capability");
    expect(files.get("opt")).to.include({ type: "directory", mode: 0o755, uid: 0 });
  });

  it("goes through the symlinks of an archive that others are laid over", async () => {
    const merged = await archiveOf([
      [{ name: "usr/bin/", type: "directory" }],
      [{ name: "usr/lib/", type: "directory" }],
      [{ name: "bin", type: "symlink", linkname: "usr/bin" }],
      [{ name: "lib", type: "symlink", linkname: "/usr/lib" }],
    ]);
    const over = await archiveOf([
      [{ name: "bin/", type: "directory" }],
      [{ name: "bin/tool" }, "tool"],
      [{ name: "bin/alias", type: "link", linkname: "bin/tool" }],
      [{ name: "lib/modules/", type: "directory" }],
      [{ name: "lib/modules/a.ko" }, "ko"],
    ]);
    await writeFile(`${buildout.directory}/merged.tar`, merged);
    await writeFile(`${buildout.directory}/over.tar`, over);
    await install("archives =\n  merged.tar\n  over.tar\n");
    const files = await filesOf(`${image}:latest`);
    expect(files.get("bin")?.linkname).to.equal("usr/bin");
    const linked = ["usr/bin/tool", "usr/bin/alias"].map((name) => files.get(name));
    expect(linked.map((file) => file?.type)).to.have.members(["file", "link"]);
    expect(linked.map((file) => file?.content.toString()).join("")).to.equal("tool");
    expect(files.get("lib")?.linkname).to.equal("/usr/lib");
    expect(files.text("usr/lib/modules/a.ko")).to.equal("ko");
  });

  it("copies a layout, runs the script, commits, and removes the container", async () => {
    await smallRoot();
    await mkdir(`${buildout.directory}/layout/etc`, { recursive: true });
    await writeFile(`${buildout.directory}/layout/etc/motd`, "127.0.0.1 me\n");
    const options = `archives = root.tar
commit = true
layout = layout
env = GREETING=hello
script-user = user
script =
    echo "$$GREETING $$(id -un)" >/tmp/greeting
    exec cat <<'END'
      $$HOME
    END
`;
    await install(options);
    expect(buildout.log()).to.deep.equal(["  $HOME"]);
    expect(await ours()).to.deep.equal([`image ${image}:latest`]);
    const files = await filesOf(`${image}:latest`);
    expect(files.text("tmp/greeting")).to.equal("hello user\n");
    expect(files.text("etc/motd")).to.equal("127.0.0.1 me\n");
    const { Config } = await engineJson<{ Config: { Cmd: string[]; Env: string[] } }>({
      path: `/images/${image}/json`,
    });
    expect(Config).to.deep.include({ Cmd: ["/bin/freeze"], Env: ["GREETING=hello"] });
    expect((await buildout.install()).counts.unchanged).to.equal(1);
    await writeFile(`${buildout.directory}/layout/etc/motd`, "127.0.0.1 you\n");
    await install(options);
    expect(buildout.begun()).to.deep.equal(["update boot"]);
    expect(buildout.log()).to.include(`image ${image}:latest is of the same archives: going on with it`);
    expect((await filesOf(`${image}:latest`)).text("etc/motd")).to.equal("127.0.0.1 you\n");
    expect(await ours()).to.deep.equal([`image ${image}:latest`]);
    await buildout.uninstall();
    expect(await ours()).to.deep.equal([]);
  });

  it("takes away what the engine went on with for a run that was killed, not what others made of its image", async () => {
    await smallRoot();
    await install("archives = root.tar\ncommit = true\n");
    const { Comment, Config } = await engineJson<{ Comment: string; Config: { Labels: object } }>({
      path: `/images/${image}/json`,
    });
    // The same words and labels, and no name any more.
    const labels = Object.entries(Config.Labels).flatMap(([name, value]) => ["-c", `LABEL ${name}=${value}`]);
    const late = idIn(docker("import", "--message", Comment, ...labels, `${buildout.directory}/root.tar`));
    const other = docker("create", image);
    const derived = idIn(docker("commit", other));
    docker("rm", other);
    try {
      await buildout.uninstall();
      expect(await engineHas(`/images/${late}/json`)).to.equal(false);
      expect(await engineHas(`/images/${derived}/json`)).to.equal(true);
    } finally {
      docker("rmi", derived);
    }
  });

  it("starts a container that stopped, and makes one anew that is gone", async () => {
    await smallRoot();
    await install("archives = root.tar\nscript = echo ran\n");
    const stopped = performance.now();
    await engineJson({ method: "POST", path: `/containers/${container}/stop` });
    expect(performance.now() - stopped, "freeze ends before the engine ends it").to.be.lessThan(9500);
    await install("archives = root.tar\nscript = echo ran\n");
    expect(buildout.log()).to.deep.equal([]);
    expect((await buildout.install()).counts.unchanged).to.equal(1);
    await engineRemove("containers", container);
    await install("archives = root.tar\nscript = echo ran\n");
    expect(buildout.log()).to.include("ran");
    expect(await ours()).to.deep.equal([`container ${container}`, `image ${image}:latest`]);
  });

  it("runs freeze as process 1, which reaps orphans and ends at once", async () => {
    await smallRoot();
    const orphans = `archives = root.tar
script =
    for i in 1 2 3 4 5; do (sleep 0.1 & exec true); done
    sleep 1
    n=0; while [ $$n -lt 100 ] && grep -q '^State:.Z' /proc/[0-9]*/status; do sleep 0.1; n=$$((n + 1)); done
    cat /proc/1/comm
    cat /proc/[0-9]*/stat | awk '{ if ($$3 == "Z") print "zombie", $$2 }'
`;
    await install(orphans);
    expect(buildout.log()).to.deep.equal(["freeze"]);
    for (const signal of ["SIGTERM", "SIGINT"]) {
      // A machine with other work may be late once; a program that waits for something is late each time.
      const times: number[] = [];
      for (let time = 0; time < 50 && !times.some((one) => one <= 100); time++)
        times.push(await millisecondsToEnd(signal));
      expect(Math.min(...times), `${signal}: ${times.join(", ")} ms`).to.be.at.most(100);
    }
  });

  /** From the signal to the end of process 1, by the engine's own clock on both. */
  async function millisecondsToEnd(signal: string): Promise<number> {
    await engineRequest({ method: "POST", path: `/containers/${container}/start` });
    const path = `/containers/${container}/json`;
    await untilFrozen((await engineJson<{ State: { Pid: number } }>({ path })).State.Pid);
    await engineJson({ method: "POST", path: `/containers/${container}/kill?signal=${signal}` });
    await engineJson({ method: "POST", path: `/containers/${container}/wait` });
    const { State } = await engineJson<{ State: { ExitCode: number; FinishedAt: string } }>({ path });
    expect(State.ExitCode).to.equal(0);
    const filters = encodeURIComponent(JSON.stringify({ container: [container], event: ["kill"] }));
    const until = Math.ceil(Date.now() / 1000);
    const { body } = await engineRequest({ path: `/events?since=0&until=${until}&filters=${filters}` });
    const kill = JSON.parse(body.toString().trim().split("\n").at(-1) ?? "") as { timeNano: number };
    return Date.parse(State.FinishedAt) - kill.timeNano / 1e6;
  }

  it("registers an emulator for a foreign platform for as long as it is there, where the kernel lets it", async () => {
    await smallRoot();
    await buildout.write(config("archives = root.tar\ncrossdev-platform = aarch64\n"));
    const summary = await buildout.install();
    if (!summary.ok) {
      expect(summary.parts[0]?.why).to.equal("the engine's host cannot run programs of linux/arm64");
      return;
    }
    await buildout.uninstall();
    expect(await ours()).to.deep.equal([]);
    expect(
      (await engineObjects("org.tsbuildout.part=boot")).filter((name) => name.includes("emulator")),
    ).to.deep.equal([]);
  });

  it("uses an image that is there, and leaves it when it goes", async () => {
    await importArchive(`${image}:latest`, await archiveOf(busyboxAt("")));
    await install("script = echo in it\n");
    expect(await ours()).to.deep.equal([`container ${container}`]);
    await buildout.uninstall();
    expect(await engineHas(`/images/${image}/json`)).to.equal(true);
  });

  it("never touches a container that is not its own", async () => {
    await smallRoot();
    await importArchive(`${image}:latest`, await archiveOf(busyboxAt("")));
    await engineJson({
      method: "POST",
      path: `/containers/create?name=${container}`,
      body: { Image: image, Cmd: ["sh"] },
    });
    const { code, message } = await problem("archives = root.tar\n");
    expect(code).to.equal("container/name-taken");
    expect(message).to.equal(`there is a container ${container} already, which this part did not make`);
    expect(await engineHas(`/containers/${container}/json`)).to.equal(true);
    expect(await ours()).to.deep.equal([]);
  });

  describe("with a host of Gentoo's stages", () => {
    let server: Server;
    let url: string;
    const pages = new Map<string, Buffer | string>();
    let gpg: (args: readonly string[], input?: string) => string;
    let keys: string;

    before(async () => {
      server = createServer((request, response) => {
        const page = pages.get(request.url ?? "");
        response.writeHead(page === undefined ? 404 : 200).end(page);
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const home = await temporaryFolder();
      await chmod(home, 0o700);
      gpg = (args, input) =>
        execFileSync(
          "gpg",
          [
            "--homedir",
            home,
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
            ...args,
          ],
          { input, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] },
        );
      gpg(["--quick-generate-key", "Stages <stages@example.org>", "ed25519", "sign", "never"]);
      keys = `${home}/keys.asc`;
      await writeFile(keys, gpg(["--armor", "--export"]));
      const stage = await archiveOf(busyboxAt(""));
      const name = "stage3-amd64-openrc-20261120T170000Z.tar";
      pages.set(`/autobuilds/20261120T170000Z/${name}`, stage);
      const latest = `# Latest as of Fri, 20 Nov 2026 17:00:00 +0000\n# ts=1795194000\n20261120T170000Z/${name} ${stage.length}\n`;
      pages.set("/autobuilds/latest-stage3-amd64-openrc.txt", gpg(["--clearsign"], latest));
      pages.set(
        "/autobuilds/latest-stage3-forged.txt",
        gpg(["--clearsign"], latest).replace("170000Z", "180000Z"),
      );
      pages.set("/autobuilds/latest-stage3-unsigned.txt", latest);
      pages.set("/autobuilds/latest-stage3-nothing.txt", "<html>gone</html>");
      const digest = createHash("sha512").update(stage).digest("hex");
      const digests = (sum: string): string =>
        gpg(["--clearsign"], `# BLAKE2B HASH\n${"0".repeat(128)}  ${name}\n# SHA512 HASH\n${sum}  ${name}\n`);
      pages.set(`/autobuilds/20261120T170000Z/${name}.DIGESTS`, digests(digest));
    });

    after(async () => {
      gpg(["--list-keys"]);
      await new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
    });

    it("follows the page of the newest stage, checks its signature and the stage's digest", async () => {
      await install(`archives = ${url}/autobuilds/latest-stage3-amd64-openrc.txt\narchives-key = ${keys}\n`);
      const record = (await buildout.records()).get("boot");
      expect(record?.outputs["stages"]).to.equal(
        `${url}/autobuilds/20261120T170000Z/stage3-amd64-openrc-20261120T170000Z.tar`,
      );
    });

    it("refuses a page that was changed, one that nobody signed, and another's key", async () => {
      for (const page of ["forged", "unsigned"]) {
        const { code, message } = await problem(
          `archives = ${url}/autobuilds/latest-stage3-${page}.txt\narchives-key = ${keys}\n`,
        );
        expect(`${code}: ${message}`).to.match(
          /^gentoo\/signature: the signature of \S+-latest-stage3-\S+\.txt could not be verified$/,
        );
      }
      await writeFile(`${buildout.directory}/other.asc`, "no key");
      const other = await problem(
        `archives = ${url}/autobuilds/latest-stage3-amd64-openrc.txt\narchives-key = other.asc\n`,
      );
      expect(other.code).to.equal("gentoo/signature");
      expect(await ours()).to.deep.equal([]);
    });

    it("warns of a stage without digests, and refuses digests that do not name it", async () => {
      const stage = pages.get("/autobuilds/20261120T170000Z/stage3-amd64-openrc-20261120T170000Z.tar")!;
      const alone = `${url}/alone.tar`;
      pages.set("/alone.tar", stage);
      await install(`archives = ${alone}\narchives-key = ${keys}\n`);
      const warned = buildout.events.find((event) => event.type === "diagnostic");
      const { code, message, notes } = warned?.type === "diagnostic" ? warned.diagnostic : expect.fail();
      expect([`${code}: ${message}`, ...notes]).to.deep.equal([
        `gentoo/no-digests: ${alone} has no signed digests beside it: its content is not verified`,
        `${alone}.DIGESTS was answered with HTTP status 404`,
      ]);
      pages.set("/other.tar", stage);
      pages.set("/other.tar.DIGESTS", gpg(["--clearsign"], `# SHA512 HASH\n${"0".repeat(128)}  else.tar\n`));
      const refused = await problem(`archives = ${url}/other.tar\narchives-key = ${keys}\n`);
      expect(`${refused.code}: ${refused.message}`).to.equal(
        `gentoo/digests: the signed digests of ${url}/other.tar do not name it`,
      );
    });

    it("says that a page names no stage, that a URL is wrong, and that a checksum differs", async () => {
      expect((await problem(`archives = ${url}/autobuilds/latest-stage3-nothing.txt\n`)).message).to.equal(
        `${url}/autobuilds/latest-stage3-nothing.txt names no stage archive`,
      );
      const gone = await problem(`archives = ${url}/nowhere.tar.xz\n`);
      expect(gone.message).to.equal(`${url}/nowhere.tar.xz was answered with HTTP status 404`);
      expect(gone.lineText).to.contain("archives =");
      const stage = `${url}/autobuilds/20261120T170000Z/stage3-amd64-openrc-20261120T170000Z.tar`;
      expect((await problem(`archives = ${stage} / ${"0".repeat(32)}\n`)).message).to.equal(
        `the md5 of ${stage} differs`,
      );
      expect(await ours()).to.deep.equal([]);
    });
  });

  describe("says what went wrong, and leaves nothing:", () => {
    afterEach(async () => expect(await ours()).to.deep.equal([]));

    for (const extension of ["tar", "tar.gz", "tar.xz", "tar.zst"] as const)
      it(`a .${extension} that is cut short`, async () => {
        const whole = await smallRoot();
        const program = { tar: "cat", "tar.gz": "gzip", "tar.xz": "xz", "tar.zst": "zstd" }[extension];
        const packed = execFileSync("sh", ["-c", `${program} <${whole}`], { maxBuffer: 1 << 26 });
        await writeFile(`${buildout.directory}/cut.${extension}`, packed.subarray(0, packed.length / 2));
        const { code, message } = await problem(`archives = cut.${extension}\n`);
        expect(["archive/import-failed", "archive/broken"]).to.include(code);
        expect(message).to.match(/cut\.tar|cannot read the archive/);
      });

    it("an archive that is none, and one that is not there", async () => {
      await writeFile(`${buildout.directory}/junk.tar`, "nothing");
      expect((await problem("archives = junk.tar\n")).code).to.equal("archive/import-failed");
      expect((await problem("archives = gone.tar\n")).message).to.equal(
        `there is no file ${buildout.directory}/gone.tar`,
      );
    });

    it("no program to decompress with", async () => {
      env["PATH"] = "/nowhere";
      const whole = await smallRoot();
      execFileSync("xz", ["-0", "-k", whole]);
      const { code, message } = await problem("archives = root.tar.xz /opt\n");
      expect(code).to.equal("archive/no-program");
      expect(message).to.equal("the program xz is needed to read the archive, and is not installed");
    });

    it("neither archives nor an image, and an image without the shell of a script", async () => {
      expect((await problem("")).message).to.equal(
        `there is no image ${image}:latest on the engine, and no archives to make it of`,
      );
      await smallRoot();
      const shell = await problem("archives = root.tar\nscript-shell = /bin/bash -e\nscript = true\n");
      expect(shell.message).to.equal(`container ${container} has no /bin/bash to run script with`);
    });

    it("a platform that the engine's host cannot run", async () => {
      await smallRoot();
      env["PATH"] = "/nowhere";
      const { code, message, help } = await problem("archives = root.tar\ncrossdev-platform = s390x\n");
      expect(code).to.equal("platform/not-runnable");
      expect(message).to.equal("the engine's host cannot run programs of linux/s390x");
      expect(help[0]).to.include("apt-get install qemu-user-static");
    });
  });
});
