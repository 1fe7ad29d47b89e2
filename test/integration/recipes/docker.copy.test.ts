import { expect } from "chai";
import { existsSync } from "node:fs";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import copy from "../../../src/recipes/docker.copy.js";
import { testBuildout } from "../../../src/testing.js";
import {
  engineHost,
  engineJson,
  engineObjects,
  engineRemove,
  engineRequest,
  uniqueName,
} from "../../support/engine.js";
import { installAttributeTools } from "../../support/attribute-tools.js";
import { ensureBaseImage } from "../../support/images.js";
import { failureOf, RunRig, type PartRig } from "../../support/recipe-part.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

/** What a shell in the container writes. */
async function shell(container: string, script: string): Promise<string> {
  const body = { Cmd: ["sh", "-ec", script], AttachStdout: true, AttachStderr: true, Tty: true };
  const { Id } = await engineJson<{ Id: string }>({
    method: "POST",
    path: `/containers/${container}/exec`,
    body,
  });
  const answer = await engineRequest({ method: "POST", path: `/exec/${Id}/start`, body: { Tty: true } });
  return answer.body.toString().replaceAll("\r\n", "\n");
}

/**
 * Everything that can be told of a tree from inside: kinds, modes, owners, times, sizes, devices, links, content,
 * capabilities, attributes.
 */
async function listing(container: string, folder: string): Promise<string> {
  await installAttributeTools(container);
  return await shell(
    container,
    `cd ${folder}; find . | sort | while read -r f; do
      stat -c '%F %a %u %g %y %h %t,%T %N' "$f"; getfattr -h -d -m - -e hex "$f"
      if [ -f "$f" ]; then stat -c '%s' "$f"; sha256sum "$f"; getcap -n "$f"; fi; done`,
  );
}

const TREE = `
mkdir -p /tree/dir/deep "/tree/with blanks" /tree/empty; cd /tree
echo one > dir/a; echo two > dir/deep/b; echo three > "with blanks/c d"; ln dir/a dir/hard
ln -s a dir/soft; ln -s /nowhere dangling; mkfifo pipe; mknod null c 1 3
chown 70000:300000 dir/a; chmod 4751 dir/a; chown -h 5:6 dir/soft; chmod 1777 empty
touch -d '2001-02-03 04:05:06' dir/deep/b; touch -d '1971-01-02 03:04:05' "with blanks"
dd if=/dev/zero of=sparse bs=1 count=1 seek=5000000 2>/dev/null; echo end >> sparse
echo can > can; setcap cap_net_raw,cap_net_bind_service+ep can; echo may > "with blanks/may"
setcap cap_chown=ip "with blanks/may"; touch -d '2030-01-02 03:04:05' can
n=$(printf 'n%.0s' $(seq 120)); mkdir -p long/$n/$n; echo far > long/$n/$n/$n
`;

describe("docker.copy", () => {
  let run: RunRig;
  let image: string;
  let source: string;
  let target: string;
  const start = async (name: string) => {
    // Podman's containers make no devices without it.
    const body = { Image: image, Cmd: ["sleep", "10000"], HostConfig: { CapAdd: ["MKNOD"] } };
    await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body });
    await engineJson({ method: "POST", path: `/containers/${name}/start` });
  };
  before(async () => {
    run = await RunRig.open();
    image = await ensureBaseImage();
    source = uniqueName("tsb-source");
    await start(source);
    await installAttributeTools(source);
    expect(await shell(source, TREE)).to.equal("");
  });
  beforeEach(async () => {
    target = uniqueName("tsb-target");
    await start(target);
  });
  afterEach(async () => await engineRemove("containers", target));
  after(async () => {
    await engineRemove("containers", source);
    await run.close();
  });
  const part = (texts: Record<string, string>): PartRig =>
    run.part(copy, "copy", { "container-from": source, "container-to": target, ...texts });

  it("copies a tree exactly: owners, modes, times, links, devices, long names, capabilities, attributes", async () => {
    await part({ paths: "/tree" }).install();
    const theirs = await listing(source, "/tree");
    expect(theirs)
      .to.contain("./can cap_net_bind_service,cap_net_raw=ep\n")
      .and.to.contain("security.capability=0x0100000200240000");
    expect(await listing(target, "/tree")).to.equal(theirs);
  });

  it("reads every form of a path", async () => {
    const rig = part({
      paths: `
        /tree/dir/
        /tree/dir/a
        /tree/dir/a /bin/new-name
        /tree/dir /opt/
        /tree/dir/ /laid/over
        '/tree/with blanks/c d' "/also with/blanks in it"
        /tree/dangling
      `,
    });
    await rig.install();
    expect(rig.uses).to.deep.equal([`container:${source}`, `container:${target}`]);
    expect(await shell(target, "cd /tree/dir; ls; cat /bin/new-name /opt/dir/deep/b /laid/over/a")).to.equal(
      "a  deep  hard  soft\none\ntwo\none\n".replace("a  deep  hard  soft", "a     deep  hard  soft"),
    );
    expect(await shell(target, "cat '/also with/blanks in it'; readlink /tree/dangling")).to.equal(
      "three\n/nowhere\n",
    );
  });

  it("gives what is copied the owner asked for, and leaves out what is excluded", async () => {
    await part({ paths: "/tree/dir", uid: "11", gid: "22", exclude: "deep\n**/soft" }).install();
    expect(await shell(target, "cd /tree; find dir | sort | xargs stat -c '%u %g %n'")).to.equal(
      "11 22 dir\n11 22 dir/a\n11 22 dir/hard\n",
    );
  });

  it("never replaces a symlink by a directory", async () => {
    await shell(target, "mkdir -p /usr/tree; ln -s usr/tree /tree");
    await part({ paths: "/tree/dir" }).install();
    expect(await shell(target, "readlink /tree; cat /usr/tree/dir/a")).to.equal("usr/tree\none\n");
  });

  it("copies from an image, and leaves no container of it", async () => {
    const rig = part({ paths: "/etc/passwd /copied" });
    rig.texts = { "image-from": image, "container-to": target, paths: "/etc/passwd /copied" };
    const outputs = await rig.install();
    expect(outputs["image-id"]).to.match(/^sha256:/);
    expect(await shell(target, "head -n 1 /copied")).to.equal("root:x:0:0:root:/root:/bin/sh\n");
    expect(await engineObjects("org.tsbuildout.part=copy")).to.deep.equal([]);
    expect(rig.resources).to.deep.equal([]);
  });

  it("copies from a folder and into a folder", async () => {
    const folder = await temporaryFolder({ "etc/app/a.conf": "a\n", "etc/app/b.conf": "b\n" });
    const there = part({});
    there.texts = {
      "path-from": folder,
      "container-to": target,
      paths: "/etc/app/ /conf\n/etc/app/b.conf /b",
    };
    await there.install();
    expect(await shell(target, "cat /conf/a.conf /conf/b.conf /b")).to.equal("a\nb\nb\n");
    const back = part({});
    const out = join(await temporaryFolder(), "out");
    back.texts = { "container-from": target, "path-to": out, paths: "/conf/ /taken\n/b" };
    await back.install();
    expect(await readFile(join(out, "taken/b.conf"), "utf8")).to.equal("b\n");
    expect((await readdir(out)).sort()).to.deep.equal(["b", "taken"]);
    // What others put into the folder stays, and the folder with it.
    expect(back.resources).to.deep.equal([
      { kind: "folder", name: out },
      { kind: "file", name: join(out, "taken") },
      { kind: "file", name: join(out, "b") },
    ]);
  });

  it("takes nothing away that somebody put into a copied folder, until its place is no longer asked for", async () => {
    const out = join(await temporaryFolder(), "new");
    await shell(source, "mkdir -p /own/sub /other; echo 1 > /own/a; echo 2 > /own/sub/b; echo 3 > /other/c");
    const config = (...options: string[]): string =>
      [
        `[buildout]\nparts = files\nengine-url = ${engineHost()}`,
        `[files]\nrecipe = docker.copy\ncontainer-from = ${source}\npath-to = ${out}`,
        ...options,
        "",
      ].join("\n");
    await using buildout = await testBuildout({ config: config("paths = /own/") });
    const install = async (...options: string[]): Promise<string | undefined> => {
      await buildout.write(config(...options));
      return (await buildout.install()).parts[0]?.end;
    };
    const there = async (): Promise<string[]> => {
      const found = await readdir(out, { recursive: true, withFileTypes: true });
      return found
        .flatMap((one) => (one.isFile() ? [join(relative(out, one.parentPath), one.name)] : []))
        .sort();
    };
    expect(await install("paths = /own/")).to.equal("done");
    await writeFile(join(out, "own/sub/mine"), "mine");
    expect(await install("paths = /own/", "exclude = a")).to.equal("done");
    expect(await there(), "another option").to.deep.equal(["own/a", "own/sub/b", "own/sub/mine"]);
    expect(await install("paths = /own/\n  /other/\n  /nowhere/")).to.equal("failed");
    expect(await there(), "a copy that fails").to.deep.equal(["own/a", "own/sub/b", "own/sub/mine"]);
    expect(await install("paths = /own/\n  /other/")).to.equal("done");
    await rm(join(out, "other"), { recursive: true });
    expect((await buildout.install()).counts.done).to.equal(1);
    expect(await there(), "a place that was gone").to.deep.equal([
      "other/c",
      "own/a",
      "own/sub/b",
      "own/sub/mine",
    ]);
    expect(await install("paths = /other/")).to.equal("done");
    expect(await there(), "a place that is asked for no more").to.deep.equal(["other/c"]);
    expect(await install("paths = /other/ /deep/er/")).to.equal("done");
    expect(await install("paths = /other/")).to.equal("done");
    expect(await readdir(out), "folders that led to it").to.deep.equal(["other"]);
    expect(await install("paths = /own/a")).to.equal("done");
    expect(await install("paths = /own/")).to.equal("done");
    expect(await there(), "a place around an earlier one").to.deep.equal(["own/a", "own/sub/b"]);
    expect(await install("paths = /own/a")).to.equal("done");
    expect(await there(), "a place in an earlier one").to.deep.equal(["own/a"]);
    await rm(join(out, "own"), { recursive: true });
    await writeFile(join(out, "own"), "mine");
    expect(await install("paths = /other/")).to.equal("done");
    expect(await there(), "a file in an earlier one's way").to.deep.equal(["other/c", "own"]);
    await rm(join(out, "own"));
    expect(await install("paths = /own/a")).to.equal("done");
    expect(await install("paths = /own/")).to.equal("done");
    await buildout.uninstall();
    expect(existsSync(out), "uninstalled").to.equal(false);
  });

  it("leaves what another part has copied to a place that was its own", async () => {
    const folder = await temporaryFolder({ "x/f": "x", "y/f": "y" });
    const section = (name: string, from: string, to: string): string =>
      `[${name}]\nrecipe = docker.copy\npath-from = ${folder}/${from}\npath-to = ${folder}/${to}\npaths = /f`;
    const config = (one: string, other: string): string =>
      `[buildout]\nparts = a b\nengine-url = ${engineHost()}\n${section("a", "x", one)}\n${section("b", "y", other)}\n`;
    await using buildout = await testBuildout({
      config: config("1", "2"),
    });
    const there = async (): Promise<string[]> =>
      await Promise.all(["1/f", "2/f"].map(async (path) => await readFile(join(folder, path), "utf8")));
    await buildout.install();
    expect(await there()).to.deep.equal(["x", "y"]);
    for (const jobs of [1, 2]) {
      const [one, other] = jobs === 1 ? (["2", "1"] as const) : (["1", "2"] as const);
      await buildout.write(config(one, other));
      await buildout.install({ jobs });
      expect(await there(), `swapped, ${jobs} at once`).to.deep.equal(jobs === 1 ? ["y", "x"] : ["x", "y"]);
      expect((await buildout.plan()).changes).to.equal(false);
    }
    await buildout.write(config("2", "3"));
    await buildout.install();
    expect(await readFile(join(folder, "2/f"), "utf8"), "moved up").to.equal("x");
    expect(existsSync(join(folder, "1"))).to.equal(false);
    await buildout.uninstall();
    for (const name of ["1", "2", "3"]) expect(existsSync(join(folder, name, "f"))).to.equal(false);
  });

  it("brings nothing, and takes nothing away, above a folder that stands for a root", async () => {
    const above = await temporaryFolder();
    const out = join(above, "out");
    const back = part({});
    back.texts = {
      "container-from": source,
      "path-to": out,
      paths: "/bin/../bin/./sh /../../a\n/bin/sh /x/../b",
    };
    await back.install();
    expect(await readdir(above)).to.deep.equal(["out"]);
    expect((await readdir(out)).sort()).to.deep.equal(["a", "b"]);
    expect(back.resources.filter(({ kind }) => kind === "file").map(({ name }) => name)).to.deep.equal([
      join(out, "a"),
      join(out, "b"),
    ]);
  });

  it("copies times to the nanosecond, of large trees where that is asked for", async () => {
    await shell(source, 'mkdir -p /large; cd /large; for n in $(seq 1010); do echo $n > "file $n"; done');
    const times = async (container: string): Promise<string> =>
      await shell(container, "cd /large; stat -c '%y %n' *");
    const exact = (await times(source)).split("\n");
    const unasked = part({ paths: "/large" });
    await unasked.install();
    expect(await times(target)).to.equal(
      exact.map((line) => line.replace(/\.\d{9}/, ".000000000")).join("\n"),
    );
    expect(unasked.log).to.deep.equal([
      "note /large: too large to ask after nanoseconds, times are whole seconds; exact-times = true asks",
    ]);
    const asked = part({ paths: "/large", "exact-times": "true" });
    await asked.install();
    expect(await times(target)).to.equal(exact.join("\n"));
    expect(asked.log).to.deep.equal([]);
    await part({ paths: "/tree/dir", "exact-times": "false" }).install();
    expect(await shell(target, "stat -c %y /tree/dir/a")).to.match(/\.000000000 /);
  });

  it("copies again when the source, or the target's container, is another", async () => {
    const changing = uniqueName("tsb-source");
    await start(changing);
    try {
      await shell(changing, "mkdir /d; echo 1 > /d/f");
      const rig = part({ "container-from": changing, paths: "/d/\n/d/f /e" });
      await rig.install();
      expect(await rig.look()).to.deep.equal([]);
      expect(await rig.inputs()).to.deep.equal(rig.record?.inputs);
      await shell(changing, "echo 2 > /d/f");
      expect(Object.keys(rig.record?.inputs ?? {})).to.deep.equal([
        "container-to",
        "source /d/",
        "source /d/f",
      ]);
      expect(await rig.inputs()).to.not.deep.equal(rig.record?.inputs);
      await rig.update();
      expect(await shell(target, "cat /d/f /e")).to.equal("2\n2\n");
      const { "container-to": before } = rig.record?.inputs ?? {};
      await engineRemove("containers", target);
      await start(target);
      await rig.update();
      expect(rig.record?.inputs["container-to"]).to.not.equal(before);
      expect(await shell(target, "cat /d/f")).to.equal("2\n");
    } finally {
      await engineRemove("containers", changing);
    }
  });

  it("takes each side's own engine", async () => {
    await part({
      paths: "/tree/dir/a",
      "engine-url": "unix:///nowhere.sock",
      "engine-url-from": engineHost(),
      "engine-url-to": engineHost(),
    }).install();
    expect(await shell(target, "cat /tree/dir/a")).to.equal("one\n");
  });

  it("names the container and the path that are not there", async () => {
    const path = await failureOf(part({ paths: "/no/such" }).install());
    expect(path.message).to.contain("/no/such").and.to.contain(source);
    const gone = await failureOf(part({ "container-from": "tsb-nobody", paths: "/x" }).install());
    expect(gone.message).to.contain("tsb-nobody");
    const nowhere = await failureOf(part({ "container-to": "tsb-nobody", paths: "/tree/dir/a" }).install());
    expect(nowhere.message).to.contain("tsb-nobody");
  });

  it("says which option is missing or too many", async () => {
    const rig = part({ paths: "/x", "image-from": image });
    rig.texts = { "container-from": source, "image-from": image, paths: "/x" };
    expect((await rig.configure()).map(({ message }) => message)).to.deep.equal([
      "container-from and image-from both say from what is copied",
      "nothing says where it goes",
    ]);
    const within = part({ paths: "/x", "container-to": source });
    expect((await within.configure()).map(({ code }) => code)).to.deep.equal(["copy/same-container"]);
  });

  it("copies again what a file that changed between two runs became", async () => {
    const folder = await temporaryFolder({ "f/x": "1" });
    const rig = part({});
    rig.texts = { "path-from": folder, "container-to": target, paths: "/f/" };
    await rig.install();
    await writeFiles(folder, { "f/x": "2" });
    expect(await rig.inputs()).to.not.deep.equal(rig.record?.inputs);
    await rig.update();
    expect(await shell(target, "cat /f/x")).to.equal("2");
  });
});
