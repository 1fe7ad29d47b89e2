import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { testBuildout } from "../../src/testing.js";
import { projectFolder } from "../support/cli.js";
import { engineJson, engineRemove, uniqueName } from "../support/engine.js";
import { builderArchive, EBUILDS } from "../support/gentoo.js";
import { writeFile } from "node:fs/promises";

const program = (name: string, text: string): [{ name: string; mode: number }, string] => [
  { name: `usr/bin/${name}`, mode: 0o755 },
  `#!/bin/sh\n${text}\n`,
];

describe("examples/gentoo", () => {
  it("builds a builder, an image and a disk, and the second time nothing", async () => {
    const folder = join(projectFolder, "examples/gentoo");
    const buildout = await testBuildout({ config: await readFile(join(folder, "buildout.cfg"), "utf8") });
    const image = uniqueName("tsbg/example");
    try {
      await cp(join(folder, "layout"), join(buildout.directory, "layout"), { recursive: true });
      const files = [
        program("emerge-webrsync", ":"),
        program("mkfs.ext4", 'echo "$@" >/log; echo ext4 >>/disk.img'),
      ];
      const archive = await builderArchive({
        ebuilds: { ...EBUILDS, "app-portage/gentoolkit-0.6": "src_install() { :; }\n" },
        files,
      });
      await writeFile(join(buildout.directory, "stage.tar"), archive);
      const rights = ["builder", "base", "disk"].flatMap((part) => [
        `${part}:privileged=false`,
        `${part}:cap-add=SYS_ADMIN MKNOD`,
        `${part}:security-opt=apparmor=unconfined seccomp=unconfined`,
      ]);
      const names = [`builder:image=${image}-builder`, `base:name=${image}`, "builder:keep=false"];
      const opened = buildout.open(["builder:archives=stage.tar", ...rights, ...names]);
      const summary = await opened.install({ jobs: 2, report: (event) => void buildout.events.push(event) });
      const told = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
      expect(summary.ok, told.join("\n")).to.equal(true);
      expect(await readFile(join(buildout.directory, "parts/disk/disk.img"), "utf8")).to.match(/\0ext4\n$/);
      const { Config } = await engineJson<{ Config: { Cmd: string[]; Labels: Record<string, string> } }>({
        path: `/images/${image}/json`,
      });
      expect(Config.Cmd).to.deep.equal(["/bin/busybox", "httpd", "-f", "-p", "8080"]);
      expect(Config.Labels["org.tsbuildout.packages"]).to.equal("sys-apps/busybox-1.36.1");
      expect((await opened.install({})).counts.unchanged).to.equal(3);
    } finally {
      await buildout.uninstall();
      await engineRemove("images", `${image}-builder:latest`);
      await engineRemove("images", `${image}:latest`);
      await buildout.dispose();
    }
  });
});
