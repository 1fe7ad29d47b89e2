import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { container, type Example, image, said, says } from "../../support/played-part.js";
import { archive } from "../../support/text-archive.js";
import { temporaryFolder } from "../../support/tmp.js";

const inline = "recipe = docker.build\nname = y\ndockerfile-inline = FROM x\n";
const gentoo = "recipe = docker.gentoo-build\nname = y\nbase-image = x\nbuild-image = x\n";

const examples: readonly Example[] = [
  {
    name: "option/no-effect: without a builder",
    part: "recipe = docker.gentoo-build\nname = y\nbase-image = x\npackages = app-misc/a",
    args: ["check"],
    code: 0,
    text: `warning[option/no-effect]: packages has no effect: there is no builder without build-image (part web)
  buildout.cfg:7:12
7 | packages = app-misc/a
  |            ^^^^^^^^^^`,
  },
  {
    name: "image/not-archive",
    part: "recipe = docker.load\nfile = app.tar",
    files: { "app.tar": "hello\n" },
    text: `error[image/not-archive]: @/app.tar is not an archive of images, as docker save writes them (part web)
  buildout.cfg:5:8
5 | file = app.tar
  |        ^^^^^^^
  = note: it has neither manifest.json nor index.json`,
  },
  {
    name: "reference/invalid: a registry that is none",
    part: "recipe = docker.pull\nname = app\nregistry = ann",
    args: ["check"],
    code: 2,
    text: `error[reference/invalid]: "ann" is not a registry's host (part web)
  buildout.cfg:6:12
6 | registry = ann
  |            ^^^
  = help: a registry's host has a dot or a port, or is localhost; a user of Docker Hub goes before the name`,
  },
  {
    name: "push/name-twice",
    part: "recipe = docker.push\nname = app\nregistry = r.example\n[also]\nrecipe = docker.push\nname = other\nrepository = app\nregistry = r.example\n[buildout]\nparts += also",
    args: ["check"],
    code: 2,
    text: `error[push/name-twice]: r.example/app:latest is pushed by the part web, too (part also)
   buildout.cfg:10:14
10 | repository = app
   |              ^^^
   = help: give one of them another repository or tag`,
  },
  {
    name: "image/file-twice",
    part: "recipe = docker.save\nname = app\nfile = app.tar\n[also]\nrecipe = docker.save\nname = other\nfile = ./app.tar\n[buildout]\nparts += also",
    args: ["check"],
    code: 2,
    text: `error[image/file-twice]: @/app.tar is written by the part web, too (part also)
   buildout.cfg:10:8
10 | file = ./app.tar
   |        ^^^^^^^^^
   = help: give one of them another file; several images go into one archive by the option images`,
  },
  {
    name: "image/other-platform",
    part: "recipe = docker.pull\nname = x\npull-policy = always\nplatform = linux/arm64",
    answers: {
      "GET /images/x%3Alatest/json": { Id: "sha256:1", Os: "linux", Architecture: "amd64" },
      "POST /images/create": { status: "Status: Image is up to date for x:latest" },
    },
    text: `error[image/other-platform]: x:latest is an image for linux/amd64, and the registry has no other (part web)
  buildout.cfg:7:12
7 | platform = linux/arm64
  |            ^^^^^^^^^^^`,
  },
  {
    name: "credentials/incomplete",
    part: "recipe = docker.push\nname = app\nregistry = r.example\nusername = ann",
    args: ["check"],
    code: 2,
    text: `error[credentials/incomplete]: there is a username but no password (part web)
  buildout.cfg:7:12
7 | username = ann
  |            ^^^
  = help: set password as well; or leave username away, and the logins of the docker CLI are used`,
  },
  {
    name: "images/unreadable",
    part: "recipe = docker.images\ndirectory = nowhere",
    code: 2,
    text: `error[images/unreadable]: cannot read @/nowhere: it does not exist (part web)
  buildout.cfg:5:13
5 | directory = nowhere
  |             ^^^^^^^`,
  },
  {
    name: "ecr/credentials",
    part: "recipe = docker.ecr-push\nimage = team/app\naccess-key-id = AKIA",
    code: 2,
    text: `error[ecr/credentials]: there is an access-key-id but no secret-access-key (part web)
  buildout.cfg:6:17
6 | access-key-id = ***
  |                 ^^^`,
  },
  {
    name: "ecr/no-credentials",
    part: "recipe = docker.ecr-push\nimage = x\nrepository = team/app\nregion = eu-west-1",
    answers: image,
    env: { AWS_EC2_METADATA_DISABLED: "true" },
    text: `error[ecr/no-credentials]: no AWS credentials were found (part web)
  buildout.cfg:4:10
4 | recipe = docker.ecr-push
  |          ^^^^^^^^^^^^^^^
  = help: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is given (SSO, a CI's web identity, an instance profile)
  = help: or set the options "profile", or "access-key-id" and "secret-access-key"`,
  },
  {
    name: "build/ssh",
    part: `${inline}ssh = default=/nowhere`,
    text: `error[build/ssh]: "default" is to be /nowhere, which is not there (part web)
  buildout.cfg:7:7
7 | ssh = default=/nowhere
  |       ^^^^^^^^^^^^^^^^`,
  },
  {
    name: "build/bad-source",
    part: "recipe = docker.build\nname = y\nsource = https://example.org/x.git#main:../..",
    code: 2,
    text: `error[build/bad-source]: the folder "../.." leads out of the repository (part web)
  buildout.cfg:6:10
6 | source = https://example.org/x.git#main:../..
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^`,
  },
  {
    name: "build/secret",
    part: `${inline}secrets = id=a,src=nowhere`,
    text: `error[build/secret]: the secret "a" cannot be read: there is no file @/nowhere (part web)
  buildout.cfg:7:11
7 | secrets = id=a,src=nowhere
  |           ^^^^^^^^^^^^^^^^`,
  },
  {
    name: "build/no-limits",
    part: `${inline}memory = 1g\nbuilder = buildkit`,
    text: `warning[build/no-limits]: memory: BuildKit does not limit its steps (part web)
  buildout.cfg:7:10
7 | memory = 1g
  |          ^^
  = help: set builder = classic to have the limits
error[engine/cut-off]: the engine ended the build without an image (part web)
  buildout.cfg:4:10
4 | recipe = docker.build
  |          ^^^^^^^^^^^^
  = help: look into the engine's log; the next run builds again`,
  },
  {
    name: "build/no-checks",
    part: `${inline}check = error=true\nbuilder = buildkit`,
    text: `warning[build/no-checks]: check: the BuildKit of this engine checks no Dockerfiles (part web)
  buildout.cfg:7:9
7 | check = error=true
  |         ^^^^^^^^^^
  = help: let the Dockerfile begin with \`# syntax=docker/dockerfile:1\`
error[engine/cut-off]: the engine ended the build without an image (part web)
  buildout.cfg:4:10
4 | recipe = docker.build
  |          ^^^^^^^^^^^^
  = help: look into the engine's log; the next run builds again`,
  },
  {
    name: "build/no-annotations",
    part: `${inline}annotations = a=b\nbuilder = buildkit`,
    text: `warning[build/no-annotations]: annotations: the engine keeps none without its containerd image store (part web)
  buildout.cfg:7:15
7 | annotations = a=b
  |               ^^^
  = help: turn on the containerd image store, or build with builder = buildx:NAME
error[engine/cut-off]: the engine ended the build without an image (part web)
  buildout.cfg:4:10
4 | recipe = docker.build
  |          ^^^^^^^^^^^^
  = help: look into the engine's log; the next run builds again`,
  },
  {
    name: "build/secret-empty",
    part: `${inline}secrets = id=a,env=NOT_SET\nbuilder = buildkit`,
    answers: { "POST /session": [404, { message: "page not found" }] },
    text: `warning[build/secret-empty]: the secret "a" is empty: the variable NOT_SET is not set (part web)
  buildout.cfg:7:11
7 | secrets = id=a,env=NOT_SET
  |           ^^^^^^^^^^^^^^^^
  = help: set the variable, or leave the secret away
error[build/no-session]: this engine takes no secrets, ssh agents or credentials for a build over its API (part web)
  buildout.cfg:4:10
4 | recipe = docker.build
  |          ^^^^^^^^^^^^
  = note: the engine says: the Docker engine answered with HTTP status 404
  = help: install docker-buildx, or use Docker 18.09 or later`,
  },
  {
    name: "build/no-session",
    part: `${inline}secrets = id=a,src=buildout.cfg\nbuilder = buildkit`,
    answers: { "POST /session": [404, { message: "page not found" }] },
    text: `error[build/no-session]: this engine takes no secrets, ssh agents or credentials for a build over its API (part web)
  buildout.cfg:4:10
4 | ***
  |          ^^^^^^^^^^^^
  = note: the engine says: the Docker engine answered with HTTP status 404
  = help: install docker-buildx, or use Docker 18.09 or later`,
  },
  {
    name: "reference/invalid",
    part: `${inline}tag = 'a/b:1'`,
    code: 2,
    text: `error[reference/invalid]: "'a/b:1'" is not an image reference: what follows the last colon is not a tag (part web)
  buildout.cfg:7:7
7 | tag = 'a/b:1'
  |       ^^^^^^^
  = help: quotes are a part of the value: leave them out`,
  },
  {
    name: "option/value",
    part: `${inline}pull = "true"`,
    code: 2,
    text: `error[option/value]: pull: ""true"" is neither true nor false (part web)
  buildout.cfg:7:8
7 | pull = "true"
  |        ^^^^^^
  = help: write true or false
  = help: quotes are a part of the value: leave them out`,
  },
  {
    name: "stage/no-image",
    part: "recipe = docker.stage\nrun = y",
    code: 2,
    text: `error[stage/no-image]: stage web has a script, but no image to run it in (part web)
  buildout.cfg:5:7
5 | run = y
  |       ^
  = help: write image = …, or name the stages that it waits for with after = …`,
  },
  {
    name: "stage/no-image",
    part: "recipe = docker.stage\nimage =\nrun = y",
    code: 2,
    text: `error[stage/no-image]: the image of stage web is empty (part web)
  buildout.cfg:5:8
5 | image =
  |        ^
  = help: of a build with skip-pull refer to image: it has no image-id where the image is not fetched`,
  },
  {
    name: "stage/no-volume",
    part: "recipe = docker.stage\nimage = x\nrun = y\nvol = b",
    code: 2,
    text: `error[stage/no-volume]: "b" is neither a stage, nor a docker.volume part, nor a folder (part web)
  buildout.cfg:7:7
7 | vol = b
  |       ^
  = help: write the name of a stage or of a volume part, code, or /host/path:/path`,
  },
  {
    name: "cache/no-base",
    part: `${inline}cache-repository = team/cache\ncache-base-digest = true`,
    args: ["-o", "install"],
    text: `error[cache/no-base]: cache-base-digest: there is no image x, neither on the engine nor in its registry (part web)
  buildout.cfg:8:21
8 | cache-base-digest = true
  |                     ^^^^
  = help: see that FROM names an image that is there, or leave cache-base-digest out`,
  },
  {
    name: "image/no-file",
    part: "recipe = docker.load\nfile = app.tar",
    text: `error[image/no-file]: @/app.tar does not exist (part web)
  buildout.cfg:5:8
5 | file = app.tar
  |        ^^^^^^^`,
  },
  {
    name: "gentoo/not-installed",
    part: `${gentoo}packages = app-misc/a`,
    answers: container(),
    text: `error[gentoo/not-installed]: "app-misc/a" is not installed in the builder after emerge (part web)
  buildout.cfg:8:12
8 | packages = app-misc/a
  |            ^^^^^^^^^^
  = note: equery knows no installed package of that name
  = help: write the atom as category/name, with a slot where there are several; a set has to be written out`,
  },
  {
    name: "gentoo/ambiguous",
    part: `${gentoo}packages = a`,
    answers: container(),
    command: (cmd) => ({ out: cmd.includes("equery") ? "::\napp-misc/a-1\ndev-libs/a-2\n" : "" }),
    text: `error[gentoo/ambiguous]: "a" means 2 packages (part web)
  buildout.cfg:8:12
8 | packages = a
  |            ^
  = note: app-misc/a
  = note: dev-libs/a
  = help: write the category too`,
  },
  {
    name: "gentoo/emerge-failed",
    part: `${gentoo}packages = app-misc/a`,
    answers: container(),
    command: (cmd) =>
      cmd.includes("emerge")
        ? { code: 1, out: 'emerge: there are no ebuilds to satisfy "app-misc/a".\n' }
        : {},
    text: `error[gentoo/emerge-failed]: emerge refused with exit code 1 (part web)
  buildout.cfg:8:12
8 | packages = app-misc/a
  |            ^^^^^^^^^^
  = note: emerge: there are no ebuilds to satisfy "app-misc/a".`,
  },
  {
    name: "container/command-failed",
    part: `${gentoo}packages = app-misc/a`,
    answers: container(),
    command: (cmd) =>
      cmd.includes("equery")
        ? { code: 127, out: "there is no equery: the builder needs app-portage/gentoolkit\n" }
        : {},
    text: `error[container/command-failed]: looking up packages failed in container web_build with exit code 127 (part web)
  buildout.cfg:4:10
4 | recipe = docker.gentoo-build
  |          ^^^^^^^^^^^^^^^^^^^
  = note: there is no equery: the builder needs app-portage/gentoolkit`,
  },
  {
    name: "script/no-shell",
    part: `${gentoo}build-script = make`,
    answers: container(),
    command: () => ({ code: 127 }),
    text: `error[script/no-shell]: container web_build has no /bin/sh to run build-script with (part web)
  buildout.cfg:8:16
8 | build-script = make
  |                ^^^^
  = help: name a shell that the image has, by build-script-shell or shell`,
  },
  {
    name: "gentoo/config-kept",
    part: `${gentoo}packages = app-misc/a`,
    answers: { ...container(), "POST /commit": { Id: "sha256:2" } },
    command: (cmd) => ({
      out: cmd.includes("equery")
        ? "::\napp-misc/a-1\n"
        : cmd.includes("._cfg")
          ? "/build/etc/._cfg0000_hosts\n"
          : "",
    }),
    text: `warning[gentoo/config-kept]: packages brought configuration files that others had brought before: the first ones are in the image (part web)
  buildout.cfg:4:10
4 | recipe = docker.gentoo-build
  |          ^^^^^^^^^^^^^^^^^^^
  = note: /build/etc/._cfg0000_hosts
  = help: merge them in post-build-script
error[engine/not-found]: there is no /containers/web_build/json (part web)
  buildout.cfg:4:10
4 | recipe = docker.gentoo-build
  |          ^^^^^^^^^^^^^^^^^^^
  = note: GET /containers/web_build/json was answered with 404
  = help: check its name, and that it is on this engine: docker ps -a, docker images, docker network ls, docker volume ls`,
  },
  {
    name: "image/no-name",
    part: "recipe = docker.load\nfile = app.tar",
    files: { "app.tar": archive("manifest.json", '[{"RepoTags":null}]') },
    text: `error[image/no-name]: the images in @/app.tar have no names (part web)
  buildout.cfg:5:8
5 | file = app.tar
  |        ^^^^^^^
  = help: say by name what the image is to be called, or save it by its name: docker save app:1, not its id`,
  },
  {
    name: "build/needs-buildkit",
    part: `${inline}secrets = id=a,src=buildout.cfg\nbuilder = classic`,
    text: `error[build/needs-buildkit]: secrets: BuildKit is needed for this (part web)
  buildout.cfg:7:11
7 | secrets = id=a,src=buildout.cfg
  |           ^^^^^^^^^^^^^^^^^^^^^
  = note: builder = classic was asked for
  = help: set builder = auto, or leave secrets away`,
  },
  {
    name: "stage/no-volume: nothing to write into",
    part: "recipe = docker.stage\nimage = x\nrun = y\nout-vol = b",
    code: 2,
    text: `error[stage/no-volume]: "b" is nothing that stage web may write into (part web)
  buildout.cfg:7:11
7 | out-vol = b
  |           ^
  = help: write /path for its own volume, or the name of a docker.volume part
  = help: another stage's volume is read with vol, and a copy of it written with on`,
  },
  {
    name: "stage/no-volume: no stage",
    part: "recipe = docker.stage\nimage = x\nrun = y\non = b",
    code: 2,
    text: `error[stage/no-volume]: "b" is not a stage (part web)
  buildout.cfg:7:6
7 | on = b
  |      ^`,
  },
];

/** A buildx that builds nothing, and the environment that finds it. */
async function idleBuildx(): Promise<Readonly<Record<string, string>>> {
  const version = "#!/bin/sh\ncase $* in *version*) echo github.com/docker/buildx v0.17.0 x ;; esac\n";
  const folder = await temporaryFolder({ docker: version, "cli-plugins/docker-buildx": version });
  for (const program of ["docker", "cli-plugins/docker-buildx"]) await chmod(join(folder, program), 0o755);
  return { DOCKER_CONFIG: folder, PATH: `${folder}:/usr/bin:/bin` };
}

describe("what is wrong with images, on a played engine", () => {
  says(examples);

  it("says exactly cache/no-image", async () => {
    const options = "cache-repository = localhost:1/cache\nbuilder = buildx\noutput = type=local,dest=out";
    const answer = await said({ part: inline + options, answers: image, env: await idleBuildx() });
    expect(answer).to.deep.equal({
      code: 1,
      text: `error[cache/no-image]: the build left no image on the engine to put into the cache (part web)
  buildout.cfg:7:20
7 | cache-repository = localhost:1/cache
  |                    ^^^^^^^^^^^^^^^^^
  = help: leave the option output out where cache-repository is set
`,
    });
  });

  it("says exactly build/secret-shown, and nothing of the password", async () => {
    const keys =
      "leave the keys away, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a profile of AWS";
    const cases = [
      ["cache-to = type=s3,bucket=b,secret_access_key=horse", "secret_access_key", keys],
      [
        "cache-from = type=gha,token=horse",
        "token",
        "leave it away, and set ACTIONS_RUNTIME_TOKEN in the environment",
      ],
      [
        "cache-to = type=azblob,secret_access_key=horse,name=n",
        "secret_access_key",
        "leave it away, and give the builder itself the login",
      ],
      [
        "build-contexts = more=https://ann:horse@host.invalid/more.git",
        "the URL of more",
        "leave the login away; for a git repository set secrets = id=GIT_AUTH_TOKEN,env=VARIABLE in its place",
      ],
      [
        "build-args = HTTPS_PROXY=http://ann:horse@proxy.invalid:3128",
        "HTTPS_PROXY",
        "set HTTPS_PROXY in the environment, and write its name alone",
      ],
    ] as const;
    for (const [line, what, help] of cases) {
      const part = `${inline}builder = buildx\n${line}`;
      const [option = "", value = ""] = line.split(/ = (.*)/s);
      const width = value.replace("horse", "***").length;
      const answer = await said({ part, answers: image, env: await idleBuildx() });
      expect(answer).to.deep.equal({
        code: 1,
        text: `error[build/secret-shown]: ${option}: buildx takes ${what} as an argument, which every user of this machine can read (part web)
  buildout.cfg:8:${option.length + 4}
8 | ${line.replace("horse", "***")}
  | ${" ".repeat(option.length + 3)}${"^".repeat(width)}
  = help: ${help}
`,
      });
    }
  });
});
