import { container, type Example, says } from "../../support/played-part.js";
import { archive, pathStat } from "../../support/text-archive.js";

const disk = `recipe = docker.gentoo-diskimage
base-image = x
build-image = x
build-root = /r
location = out
image-file = /disk.img`;

const unpacking = {
  ...container(),
  "GET /containers/web_build/json": container()["GET /containers/c1/json"]!,
  "GET /containers/web_build.base/export": [200, archive("a", "b")],
} as const;

const labels = { "org.tsbuildout.buildout": "b1", "org.tsbuildout.part": "web" };
const own = Object.assign(container({}, { Labels: labels })["GET /containers/c1/json"]!, {
  Name: "/web_build",
});
let asked = 0;

const examples: readonly Example[] = [
  {
    name: "gentoo/loops-left",
    part: disk,
    files: { ".installed.cfg": "[buildout]\nversion=1\nid=b1\nkey=k\ngeneration=1\n" },
    answers: {
      ...unpacking,
      "GET /containers/web_build/json": () => (asked++ === 0 ? [404, { message: "not there yet" }] : own),
    },
    command: (cmd) => (cmd === "/bin/sh" ? { out: "left /dev/loop7 /disk.img\n" } : {}),
    code: 0,
    text: `warning[gentoo/loops-left]: loop devices of container web_build are still attached on the engine's host (part web)
  buildout.cfg:4:10
4 | recipe = docker.gentoo-diskimage
  |          ^^^^^^^^^^^^^^^^^^^^^^^
  = note: /dev/loop7 (/disk.img)
  = help: detach them there: losetup -d <device>`,
  },
  {
    name: "gentoo/host-files",
    part: disk,
    answers: { ...unpacking, "POST /build": [501, { message: "there is no builder" }] },
    command: (cmd) => (cmd.startsWith("ls ") ? { out: "passwd\n" } : {}),
    code: 0,
    text: `warning[gentoo/host-files]: the disk has no content of its own in /etc/hosts, /etc/hostname, /etc/resolv.conf, /etc/mtab (part web)
  buildout.cfg:5:14
5 | base-image = x
  |              ^
  = note: the engine has them empty in each container, and could not be asked for the image's own
  = help: write them in build-script`,
  },
  {
    name: "gentoo/cut-short",
    part: disk,
    answers: {
      ...unpacking,
      "HEAD /containers/web_build/archive": [200, "", pathStat("disk.img", 10)],
      "GET /containers/web_build/archive": [200, archive("disk.img", "short")],
    },
    text: `error[gentoo/cut-short]: 5 of 10 bytes came from the engine (part web)
  buildout.cfg:4:10
4 | recipe = docker.gentoo-diskimage
  |          ^^^^^^^^^^^^^^^^^^^^^^^`,
  },
];

describe("what is wrong with disk images, on a played engine", () => says(examples));
