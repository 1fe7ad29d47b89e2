import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { ask } from "../../support/config.js";
import { type Files, temporaryFolder } from "../../support/tmp.js";

interface Example {
  /** The code, and after a colon what tells it from others of the same code. */
  readonly name: string;
  readonly cfg: string;
  readonly files?: Files;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** 2: nothing was begun. */
  readonly code?: number;
  readonly text: string;
}

const part = (text: string): string => `[buildout]\nparts = a\n[a]\n${text}\n`;

/** A recipe in a file: what its install does. */
const mine = (install: string, more = ""): Files => ({
  "mine.mjs": `export default { doc: "", options: {}, ${more} async install(context) { ${install} } };\n`,
});

const examples: readonly Example[] = [
  {
    name: "option/value: in [buildout]",
    cfg: "[buildout]\nparts =\nkeep-runs = many\n",
    text: `error[option/value]: keep-runs: "many" is not a number from 0
  buildout.cfg:3:13
3 | keep-runs = many
  |             ^^^^`,
  },
  {
    name: "option/unknown: in [buildout]",
    cfg: "[buildout]\nparts =\nofline = true\nmy-own = 1\npart = $<:my-own>\n",
    code: 0,
    text: `warning[option/unknown]: [buildout] has no option "ofline"
  buildout.cfg:3:1
3 | ofline = true
  | ^^^^^^
  = help: did you mean "offline"?
warning[option/unknown]: [buildout] has no option "part"
  buildout.cfg:5:1
5 | part = $<:my-own>
  | ^^^^
  = help: did you mean "parts"?`,
  },
  {
    name: "config/missing-section: with commas",
    cfg: "[buildout]\nparts = aa,bb\n[aa]\n[bb]\n",
    text: `error[config/missing-section]: there is no section [aa,bb] for the part aa,bb
  buildout.cfg:2:9
2 | parts = aa,bb
  |         ^^^^^
  = help: blanks separate names, not commas`,
  },
  {
    name: "config/missing-section: with a comment",
    cfg: "[buildout]\nparts = aa #\n[aa]\nrecipe = docker.volume\n",
    text: `error[config/missing-section]: there is no section [#] for the part #
  buildout.cfg:2:12
2 | parts = aa #
  |            ^
  = help: there are no comments behind a value: give them lines of their own`,
  },
  {
    name: "recipe/missing: with quotes",
    cfg: part('recipe = "docker.run"'),
    text: `error[recipe/missing]: there is no recipe "docker.run" (part a)
  buildout.cfg:4:10
4 | recipe = "docker.run"
  |          ^^^^^^^^^^^^
  = help: quotes are a part of the value: leave them out`,
  },
  {
    name: "container/name-twice",
    cfg: "[buildout]\nparts = aa bb\n[aa]\nrecipe = docker.run\nname = same\nimage = x\n[bb]\nrecipe = docker.run\nname = same\nimage = x\n",
    text: `error[container/name-twice]: same is the container of the part aa, too (part bb)
  buildout.cfg:9:8
9 | name = same
  |        ^^^^
  = help: give one of them another name`,
  },
  {
    name: "network/overlap: of two parts",
    cfg: "[buildout]\nparts = aa bb\n[aa]\nrecipe = docker.network\nsubnet = 10.9.0.0/16\n[bb]\nrecipe = docker.network\nsubnet = 10.9.1.0/24\n",
    text: `error[network/overlap]: subnet 10.9.1.0/24 overlaps with another network (part bb)
  buildout.cfg:8:10
8 | subnet = 10.9.1.0/24
  |          ^^^^^^^^^^^
  = note: 10.9.1.0/24 overlaps with 10.9.0.0/16 of network aa (part aa)
  = help: choose a subnet that is free, or leave the choice to the engine`,
  },
  {
    name: "container/env-file",
    cfg: part("recipe = docker.run\nname = web\nimage = x\nenv-file = web.env"),
    text: `error[container/env-file]: there is no file @/web.env (part a)
  buildout.cfg:7:12
7 | env-file = web.env
  |            ^^^^^^^
  = help: a leading ? is for a file that may be missing`,
  },
  {
    name: "option/twice",
    cfg: part("recipe = docker.build\nsource = .\npath = ."),
    text: `error[option/twice]: source and path are the same option (part a)
  buildout.cfg:6:8
6 | path = .
  |        ^
  = help: keep one of them`,
  },
  {
    name: "option/conflict",
    cfg: part("recipe = docker.build\ndockerfile = x\ndockerfile-inline = FROM y"),
    text: `error[option/conflict]: dockerfile and dockerfile-inline both say what the Dockerfile is (part a)
  buildout.cfg:5:14
5 | dockerfile = x
  |              ^
  = help: give one of them`,
  },
  {
    name: "option/required",
    cfg: part("recipe = docker.run"),
    text: `error[option/required]: [a] needs the option image (part a)
  buildout.cfg:4:10
4 | recipe = docker.run
  |          ^^^^^^^^^^`,
  },
  {
    name: "option/value",
    cfg: part("recipe = docker.run\nimage = a\ntty = perhaps"),
    text: `error[option/value]: tty: "perhaps" is neither true nor false (part a)
  buildout.cfg:6:7
6 | tty = perhaps
  |       ^^^^^^^
  = help: write true or false`,
  },
  {
    name: "option/value",
    cfg: part("recipe = docker.build\nbuild-args = A=1\n  WHO = me"),
    text: `error[option/value]: build-args: "WHO" has a blank before its "=" (part a)
  buildout.cfg:6:3
6 |   WHO = me
  |   ^^^^^^^^
  = help: write NAME=VALUE, one a line`,
  },
  {
    name: "option/one-line",
    cfg: part(
      "recipe = docker.build\nbuild-args = A=1 B=x\nlabels =\n  text=some words b=c\n  dsn=host=db user=me\n  c.d=1 e=2 f=",
    ),
    code: 0,
    text: `warning[option/one-line]: build-args: the value of A has the rest of the line in it, B= and all (part a)
  buildout.cfg:5:14
5 | build-args = A=1 B=x
  |              ^^^^^^^
  = help: write NAME=VALUE, one a line
warning[option/one-line]: labels: the value of c.d has the rest of the line in it, e= and all (part a)
  buildout.cfg:9:3
9 |   c.d=1 e=2 f=
  |   ^^^^^^^^^^^^
  = help: write NAME=VALUE, one a line`,
  },
  {
    name: "option/value: at the line that it is about, in the file where that stands",
    cfg: `[buildout]\nextends = base.cfg\nparts = a\n[a]\nports += 1:2\n`,
    files: {
      "base.cfg": "[a]\nrecipe = docker.run\nimage = a\nports =\n  80:80\n# 90:foo\n\n  90:foo \n  70:70\n",
    },
    text: `error[option/value]: ports: "90:foo" is not a port (part a)
  base.cfg:8:3
8 |   90:foo
  |   ^^^^^^
  = help: write [address:][host port:]container port[/tcp|udp|sctp], for example 127.0.0.1:8080:80`,
  },
  {
    name: "mine/lines: at lines that a recipe's own words tell by a piece, or without quotes, or not",
    cfg: part("recipe = ./mine.mjs\nlist =\n  a=b c\n  /x/y\n  d=b\n  /x"),
    files: mine(
      "",
      `options: { list: { kind: "lines", doc: "", decode: (text) => text } },
      configure(context) {
        for (const message of ['no "c"', "no /x/y", 'no "b"', "no x"])
          context.fail({ code: "mine/lines", message, option: "list" });
      },`,
    ),
    text: `error[mine/lines]: no "c" (part a)
  buildout.cfg:6:3
6 |   a=b c
  |   ^^^^^

error[mine/lines]: no /x/y (part a)
  buildout.cfg:7:3
7 |   /x/y
  |   ^^^^

error[mine/lines]: no "b" (part a)
  buildout.cfg:5:7
5 | list =
  |       ^

error[mine/lines]: no x (part a)
  buildout.cfg:5:7
5 | list =
  |       ^`,
  },
  {
    name: "option/value",
    cfg: part("recipe = docker.build\nbuild-args = HTTP_PROXY NO_PROXY"),
    text: `error[option/value]: build-args: "HTTP_PROXY NO_PROXY" has no "=" (part a)
  buildout.cfg:5:14
5 | build-args = HTTP_PROXY NO_PROXY
  |              ^^^^^^^^^^^^^^^^^^^
  = help: write NAME=VALUE, one a line`,
  },
  {
    name: "option/unknown",
    cfg: "[buildout]\nstrict = yes\nparts = web\n[web]\nrecipe = docker.volume\nnam = x\n",
    text: `error[option/unknown]: docker.volume has no option "nam" (part web)
  buildout.cfg:6:1
6 | nam = x
  | ^^^
  = help: did you mean "name"?`,
  },
  {
    name: "stage/name",
    cfg: "[buildout]\nparts = a/b\n[a/b]\nrecipe = docker.stage\nimg = x\nrun = y\n",
    text: `error[stage/name]: a stage cannot be called "a/b": its name is a folder's and a file's (part a/b)
  buildout.cfg:4:10
4 | recipe = docker.stage
  |          ^^^^^^^^^^^^
  = help: rename the section: no slash, no .err or .new at its end, at most 247 bytes`,
  },
  {
    name: "images/name",
    cfg: part("recipe = docker.images\ndirectory = images"),
    files: { "images/a b/Dockerfile": "FROM x\n" },
    text: `error[images/name]: no image can be called like the folder "a b" (part a)
  buildout.cfg:5:13
5 | directory = images
  |             ^^^^^^
  = help: rename it, or leave it out by the option exclude`,
  },
  {
    name: "ecr/tag",
    cfg: part("recipe = docker.ecr-push\nimage = team/app\ntags = a b/c"),
    text: `error[ecr/tag]: "b/c" is not a tag (part a)
  buildout.cfg:6:8
6 | tags = a b/c
  |        ^^^^^
  = help: a tag has letters, digits, _ . and -, at most 128, and begins with none of . and -`,
  },
  {
    name: "ecr/repository-name",
    cfg: part("recipe = docker.ecr-push\nimage = x"),
    text: `error[ecr/repository-name]: ECR has no repositories called "x": it needs 2 to 256 characters (part a)
  buildout.cfg:5:9
5 | image = x
  |         ^
  = help: set "repository" to a name such as team/app`,
  },
  {
    name: "ecr/repository-name",
    cfg: part(
      "recipe = docker.ecr-push\nimage = x\nrepository = 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app",
    ),
    text: `error[ecr/repository-name]: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app" is a repository's address; "repository" takes its name in the registry (part a)
  buildout.cfg:6:14
6 | repository = 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app
  |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: set "repository" to team/app, and "region" to eu-west-1`,
  },
  ...Object.entries({
    "export default 1;": "its default export is a number",
    "export default { defaults: {}, reprot() {} };": 'it has "reprot", where "report" must be meant',
    "export default { defaults: { a: null } };": "its defaults of a must be an object, not null",
    "export default { defaults: { a: { n: 5 } } };":
      "the n of its defaults of a must be a text, not a number",
  }).map(([code, lack]) => ({
    name: `extension/not-an-extension: ${lack}`,
    cfg: "[buildout]\nextensions = ./x.mjs\nparts =\n[a]\nrecipe = docker.volume\n",
    files: { "x.mjs": code },
    text: `error[extension/not-an-extension]: ./x.mjs exports no extension: ${lack}
  buildout.cfg:2:14
2 | extensions = ./x.mjs
  |              ^^^^^^^
  = help: its default export must be what defineExtension gives`,
  })),
  {
    name: "recipe/not-a-recipe",
    cfg: part("recipe = ./x.mjs"),
    files: { "x.mjs": "export default 1;\n" },
    text: `error[recipe/not-a-recipe]: ./x.mjs exports no recipe: its default export is a number (part a)
  buildout.cfg:4:10
4 | recipe = ./x.mjs
  |          ^^^^^^^
  = help: its default export must be what defineRecipe gives`,
  },
  ...Object.entries({
    "export const recipe = {};": "it has no default export",
    "export default null;": "its default export is null",
    "export default { install() {} };": "there are no options in it",
    "export default { options: {} };": "there is no function install in it",
    "export default { options: {}, install() {}, version: 2 };": "its version must be a text, not a number",
    "export default { options: {}, install() {}, outputs: null };": "its outputs must be an object, not null",
    "export default { options: {}, install() {}, unistall() {} };":
      'it has "unistall", where "uninstall" must be meant',
    "export default { options: { a: { doc: '', decode() {}, default: 5 } }, install() {} };":
      "the default of its option a must be a text, not a number",
    "export default { options: { a: { doc: '', decode() {}, secrt: true } }, install() {} };":
      'its option a has "secrt", where "secret" must be meant',
    "export default { options: { timeout: { doc: '', decode() {} } }, install() {} };":
      "its option timeout is one that every part has: give it another name",
    "export default { options: { a: { doc: '', decode() {}, aliases: ['keep'] } }, install() {} };":
      "its option keep is one that every part has: give it another name",
    "export default { options: {}, install() {}, computed: { name: 5 } };":
      "the name of its computed must be a text, not a number",
    "export default { options: {}, install() {}, outputs: { key: 'The key.' } };":
      "its output key must be an object, not a text",
    "export default { options: {}, install() {}, outputs: { key: { doc: '', secrt: true } } };":
      'its output key has "secrt", where "secret" must be meant',
  }).map(([code, lack]) => ({
    name: `recipe/not-a-recipe: ${lack}`,
    cfg: part("recipe = ./x.mjs"),
    files: { "x.mjs": code },
    text: `error[recipe/not-a-recipe]: ./x.mjs exports no recipe: ${lack} (part a)
  buildout.cfg:4:10
4 | recipe = ./x.mjs
  |          ^^^^^^^
  = help: its default export must be what defineRecipe gives`,
  })),
  {
    name: "recipe/not-a-recipe: options that are none",
    cfg: part("recipe = ./x.mjs"),
    files: { "x.mjs": "export default { options: { a: 1 }, install() {} };\n" },
    text: `error[recipe/not-a-recipe]: ./x.mjs exports no recipe: its option a is not made by option.string or the like (part a)
  buildout.cfg:4:10
4 | recipe = ./x.mjs
  |          ^^^^^^^
  = help: its default export must be what defineRecipe gives`,
  },
  {
    name: "recipe/missing",
    cfg: part("recipe = ./x.mjs"),
    text: `error[recipe/missing]: there is no recipe ./x.mjs: @/x.mjs does not exist (part a)
  buildout.cfg:4:10
4 | recipe = ./x.mjs
  |          ^^^^^^^`,
  },
  {
    // Nor is anything said of what others take from it.
    name: "recipe/missing",
    cfg: "[buildout]\nparts = a bb\n[a]\nrecipe =\n[bb]\nrecipe = docker.run\nimage = $<a:id>\n",
    text: `error[recipe/missing]: recipe names nothing (part a)
  buildout.cfg:4:9
4 | recipe =
  |         ^`,
  },
  {
    name: "recipe/no-npm",
    cfg: part("recipe = some-recipe-of-somebody"),
    env: { PATH: "/nowhere" },
    text: `error[recipe/no-npm]: some-recipe-of-somebody cannot be installed: there is no npm on PATH (part a)
  buildout.cfg:4:10
4 | recipe = some-recipe-of-somebody
  |          ^^^^^^^^^^^^^^^^^^^^^^^
  = help: install npm, or install the package beside the buildout file yourself`,
  },
  {
    name: "recipe/offline",
    cfg: part("recipe = some-recipe-of-somebody"),
    args: ["-o", "plan"],
    text: `error[recipe/offline]: some-recipe-of-somebody is not installed, and this run is offline (part a)
  buildout.cfg:4:10
4 | recipe = some-recipe-of-somebody
  |          ^^^^^^^^^^^^^^^^^^^^^^^
  = help: run once without -o`,
  },
  {
    name: "download/url: a file URL that means another machine",
    cfg: part("recipe = docker.gentoo-bootstrap\narchives = file://stage.tar"),
    args: ["install"],
    code: 1,
    text: `error[download/url]: "file://stage.tar/" cannot be downloaded (part a)
  buildout.cfg:5:12
5 | archives = file://stage.tar
  |            ^^^^^^^^^^^^^^^^
  = help: write an http or https URL, file:///path, or a path`,
  },
  {
    name: "download/url",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`await context.download({ url: "ftp://x/y" });`),
    args: ["install"],
    code: 1,
    text: `error[download/url]: "ftp://x/y" cannot be downloaded (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = help: write an http or https URL, file:///path, or a path`,
  },
  {
    name: "download/missing",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`await context.download({ url: "nothing.tar" });`),
    args: ["install"],
    code: 1,
    text: `error[download/missing]: there is no file @/nothing.tar (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^`,
  },
  {
    name: "download/offline",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`await context.download({ url: "https://user:pw@example.org/y?key=x" });`),
    args: ["-o", "install"],
    code: 1,
    text: `error[download/offline]: https://example.org/y?… is not in the download cache, and this run is offline (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: looked for @/.tsbuildout/downloads/561e71ee2d8b-y
  = help: run once without -o`,
  },
  {
    name: "download/proxy",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`await context.download({ url: "http://example.org/y" });`),
    args: ["install"],
    env: { HTTP_PROXY: "gopher://me:secret@proxy:70" },
    code: 1,
    text: `error[download/proxy]: "gopher://proxy:70" is not a proxy that can be used (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = help: set HTTP_PROXY and HTTPS_PROXY to http://host:port or socks5://host:port`,
  },
  {
    name: "images/none",
    cfg: part("recipe = docker.images\ndirectory = images"),
    files: { "images/a/Dockerfile/x": "" },
    text: `error[images/none]: no subfolder of @/images has a Dockerfile (part a)
  buildout.cfg:5:13
5 | directory = images
  |             ^^^^^^
  = help: each image has a folder of its own, with its Dockerfile in it; directory says where these are`,
  },
  {
    name: "engine/bad-url",
    cfg: part("recipe = docker.volume\nname = tsb-nowhere\nengine-url = gopher://x"),
    args: ["install"],
    text: `error[engine/bad-url]: "gopher://x" (option engine-url) is not the address of an engine (part a)
  buildout.cfg:6:14
6 | engine-url = gopher://x
  |              ^^^^^^^^^^
  = help: write unix:///path, tcp://host:port, https://host:port or ssh://user@host`,
  },
  {
    name: "download/checksum-form",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`await context.download({ url: "https://example.org/y", checksum: "md6:12" });`),
    args: ["install"],
    code: 1,
    text: `error[download/checksum-form]: "md6:12" is not a checksum (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = help: write md5:, sha1:, sha256: or sha512: and the hexadecimal digits`,
  },
  {
    name: "system/failed",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`await (await import("node:fs/promises")).readFile("/nowhere/at/all");`),
    args: ["install"],
    code: 1,
    text: `error[system/failed]: ENOENT: no such file or directory, open '/nowhere/at/all' (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^`,
  },
  {
    name: "part/foreign-folder",
    cfg: part("recipe = ./mine.mjs"),
    files: { ...mine('await context.created({ kind: "file", name: "precious" });'), "precious/x": "" },
    args: ["install"],
    code: 1,
    text: `error[part/foreign-folder]: @/precious is a folder that is there already, with something in it that is not this part's (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = help: name another place, or move the folder away`,
  },
  {
    name: "part/file-left",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(
      `await context.created({ kind: "file", name: context.buildout.directory }); throw Object.assign(new Error("x"), { problem: { code: "mine/failed", message: "no" } });`,
    ),
    args: ["install"],
    code: 1,
    text: `warning[part/file-left]: @ holds the buildout itself and is left (part a)
error[mine/failed]: no (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^`,
  },
  {
    name: "part/not-undone",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(
      `await context.created({ kind: "thing", name: "x" }); throw Object.assign(new Error("x"), { problem: { code: "mine/failed", message: "no" } });`,
      `async uninstall() { throw new Error("it is stuck"); },`,
    ),
    args: ["install"],
    code: 1,
    text: `warning[part/not-undone]: the failed install of a could not be undone: it is stuck (part a)
   = help: the next run tries again
error[mine/failed]: no (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^`,
  },
  {
    name: "part/value-unknown",
    cfg: "[buildout]\nparts = b\n[a]\nrecipe = ./mine.mjs\n[b]\nrecipe = ./mine.mjs\nx = $<a:told>\n",
    files: mine("", `outputs: { told: { doc: "" } },`),
    args: ["install"],
    code: 1,
    text: `warning[option/unknown]: ./mine.mjs has no option "x" (part b)
  buildout.cfg:7:1
7 | x = $<a:told>
  | ^
error[part/value-unknown]: option x of b needs a:told, which its part did not give (part b)
  buildout.cfg:7:5
7 | x = $<a:told>
  |     ^^^^^^^^^`,
  },
  {
    name: "state/unreadable",
    cfg: part("recipe = ./mine.mjs"),
    files: { ...mine(""), ".installed.cfg/x": "" },
    args: ["install"],
    text: `error[state/unreadable]: cannot read @/.installed.cfg: EISDIR: illegal operation on a directory, read
   = help: make the file readable, or name another one with [buildout] installed`,
  },
  {
    name: "internal/bug: a resource that is none",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`await context.created({ kind: "file", name: 5 });`),
    args: ["install"],
    code: 1,
    text: `error[internal/bug]: TypeError: the name of a resource is a text, not number (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: at …`,
  },
  {
    name: "internal/bug: an output that is no text",
    cfg: part("recipe = ./mine.mjs"),
    files: mine("return { port: 80 };", `outputs: { port: { doc: "" } },`),
    args: ["install"],
    code: 1,
    text: `error[internal/bug]: TypeError: the output port is a text, not number (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: at …`,
  },
  {
    name: "internal/bug: an input that is no text",
    cfg: part("recipe = ./mine.mjs"),
    files: mine("", "async inputs() { return { size: 5 }; },"),
    args: ["install"],
    code: 1,
    text: `error[internal/bug]: TypeError: the input size is a text, not number (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: at …`,
  },
  {
    name: "internal/bug: an input found by the install that is no text",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`context.input("size", 5);`),
    args: ["install"],
    code: 1,
    text: `error[internal/bug]: TypeError: the input size is a text, not number (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: at …`,
  },
  {
    name: "internal/bug: a computed option that is no text",
    cfg: part("recipe = ./mine.mjs"),
    files: mine("", `configure(context) { context.compute("size", 5); },`),
    text: `error[internal/bug]: TypeError: the option size is a text, not number (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: at …`,
  },
  {
    name: "internal/bug: a generated part's option that is no text",
    cfg: part("recipe = ./mine.mjs"),
    files: mine("", `configure(context) { context.addPart("b", { port: 80 }); },`),
    text: `error[internal/bug]: TypeError: the option port of b is a text, not number (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: at …`,
  },
  {
    name: "internal/bug: with what it came of",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`const refused = new AggregateError([new Error("no IPv6"), new Error("no IPv4")], "refused");
      throw new TypeError("failed", { cause: refused });`),
    args: ["install"],
    code: 1,
    text: `error[internal/bug]: TypeError: failed (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: because of AggregateError: refused
  = note: because of Error: no IPv6
  = note: because of Error: no IPv4
  = note: at …`,
  },
  ...Object.entries({
    'throw "no such luck";': "Error: no such luck",
    "throw null;": "Error: null",
    'throw { code: "mine/no", message: "no" };': "Error: { code: 'mine/no', message: 'no' }",
    "throw Object.create(null);": "Error: [Object: null prototype] {}",
  }).map(([code, said]) => ({
    name: `internal/bug: of what is no error: ${code}`,
    cfg: part("recipe = ./mine.mjs"),
    files: mine(code),
    args: ["install"],
    code: 1,
    text: `error[internal/bug]: ${said} (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^`,
  })),
  {
    name: "internal/bug: a problem that is a mere text",
    cfg: part("recipe = ./mine.mjs"),
    files: mine('context.warn("it is late");'),
    args: ["install"],
    code: 1,
    text: `error[internal/bug]: TypeError: a problem is { code, message }, not it is late (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: at …`,
  },
  {
    name: "recipe/broken: by what is no JavaScript",
    cfg: part("recipe = ./x.mjs"),
    files: { "x.mjs": "export default {\n  doc: 1,\n  options {}\n};\n" },
    text: `error[recipe/broken]: cannot load recipe ./x.mjs: Unexpected token '{' (part a)
  buildout.cfg:4:10
4 | recipe = ./x.mjs
  |          ^^^^^^^
  = help: it was thrown at @/x.mjs:3`,
  },
  {
    name: "recipe/broken: by what is no error",
    cfg: part("recipe = ./x.mjs"),
    files: { "x.mjs": "throw null;\n" },
    text: `error[recipe/broken]: cannot load recipe ./x.mjs: null (part a)
  buildout.cfg:4:10
4 | recipe = ./x.mjs
  |          ^^^^^^^`,
  },
  {
    name: "part/not-undone: for what is no error",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(
      'await context.created({ kind: "thing", name: "x" }); throw "no";',
      "async uninstall() { throw undefined; },",
    ),
    args: ["install"],
    code: 1,
    text: `warning[part/not-undone]: the failed install of a could not be undone: undefined (part a)
   = help: the next run tries again
error[internal/bug]: Error: no (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^`,
  },
  {
    name: "mine/problem: with notes that are no texts",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`const problem = { code: "mine/problem", message: "no", notes: [new Error("so"), 5] };
      throw Object.assign(new Error(), { problem });`),
    args: ["install"],
    code: 1,
    text: `error[mine/problem]: no (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: Error: so
  = note: 5`,
  },
  {
    name: "mine/problem: with one text where a list belongs",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`const problem = { code: "mine/problem", message: "no", notes: "it is so", help: "do that" };
      throw Object.assign(new Error(), { problem });`),
    args: ["install"],
    code: 1,
    text: `error[mine/problem]: no (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: it is so
  = help: do that`,
  },
  {
    name: "option/value: by a parser of a recipe's own",
    cfg: part("recipe = ./even.mjs\ncount = 3\nsize = -"),
    files: {
      "even.mjs": `import { option } from "tsbuildout/recipe";
        const even = (text) => { if (Number(text) % 2) throw new Error(text + " is odd"); return Number(text); };
        const options = { count: option.custom("even number", even, { doc: "" }), size: option.size({ doc: "" }) };
        export default { doc: "", options, async install() {} };\n`,
    },
    text: `error[option/value]: count: 3 is odd (part a)
  buildout.cfg:5:9
5 | count = 3
  |         ^

error[option/value]: size: "-" is not a size (part a)
  buildout.cfg:6:8
6 | size = -
  |        ^
  = help: write bytes, or a number with b, k, m, g, t or p: 512m`,
  },
  {
    name: "made/failed: of a part that another one generates",
    cfg: part("recipe = ./mine.mjs"),
    files: {
      ...mine("", `configure(context) { context.addPart("a.b", { recipe: "./made.mjs" }); },`),
      "made.mjs": `import { RecipeError } from "tsbuildout/recipe";
        const install = async () => { throw new RecipeError({ code: "made/failed", message: "it fails" }); };
        export default { doc: "", options: {}, install };\n`,
    },
    args: ["install"],
    code: 1,
    text: `error[made/failed]: it fails (part a.b)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^`,
  },
  {
    name: "internal/bug",
    cfg: part("recipe = ./mine.mjs"),
    files: mine(`throw new TypeError("x is not a thing");`),
    args: ["install"],
    code: 1,
    text: `error[internal/bug]: TypeError: x is not a thing (part a)
  buildout.cfg:4:10
4 | recipe = ./mine.mjs
  |          ^^^^^^^^^^
  = note: at …`,
  },
];

describe("what is wrong with parts", () => {
  for (const { name, cfg, files = {}, args = ["plan"], env = {}, code = 2, text } of examples)
    it(`says exactly ${name}`, async () => {
      const answer = await ask({ "buildout.cfg": cfg, ...files }, { args, env });
      const said = answer.stderr.replace(/(?:^( +)= note: at .*\n)+/gm, "$1= note: at …\n");
      expect(said).to.equal(`${text}\n`);
      expect(answer.code).to.equal(code);
      expect(said).to.contain(`[${name.replace(/:.*/, "")}]`);
    });

  it("says nothing of an option that only a section refers to which no part of the run leads to", async () => {
    const cfg = `[buildout]
parts = a
version = 1
strict = true
[a]
recipe = ./mine.mjs
optoin = mine
[tool]
recipe = ./mine.mjs
x = $<buildout:version> $<a:optoin>
[broken]
x = $<nowhere:x>
`;
    const answer = await ask({ "buildout.cfg": cfg, ...mine("") }, { args: ["plan"] });
    expect(answer).to.include({ code: 0, stderr: "" });
  });

  it("says exactly extension/failed, once, and goes on", async () => {
    for (const report of [
      "report() { throw new Error('not now'); }",
      "async report() { throw new Error('not now'); }",
    ]) {
      const cfg = "[buildout]\nparts = a\nextensions = ./ext.mjs\n[a]\nrecipe = ./mine.mjs\n";
      const files = { "buildout.cfg": cfg, ...mine(""), "ext.mjs": `export default { ${report} };\n` };
      const { code, stderr } = await ask(files, { args: ["install"] });
      expect(stderr).to.equal(
        "warning[extension/failed]: the extension ./ext.mjs failed, and is told no more of this run: not now\n",
      );
      expect(code).to.equal(0);
    }
  });

  it("says exactly recipe/npm", async () => {
    const bin = await temporaryFolder({ npm: "#!/bin/sh\necho 'npm error code EWEIRD' >&2\nexit 1\n" });
    await chmod(join(bin, "npm"), 0o755);
    const cfg = part("recipe = some-recipe-of-somebody");
    const { code, stderr } = await ask({ "buildout.cfg": cfg }, { args: ["plan"], env: { PATH: bin } });
    expect(
      stderr,
    ).to.equal(`error[recipe/npm]: some-recipe-of-somebody cannot be installed: npm failed (EWEIRD) (part a)
  buildout.cfg:4:10
4 | recipe = some-recipe-of-somebody
  |          ^^^^^^^^^^^^^^^^^^^^^^^
  = help: code EWEIRD
`);
    expect(code).to.equal(2);
  });
});
