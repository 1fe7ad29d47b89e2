import { expect } from "chai";
import { testBuildout } from "../../../src/testing.js";
import { type Play, playedEngine } from "../../support/played-engine.js";
import { container, type Example, said, says } from "../../support/played-part.js";
import { archive, pathStat } from "../../support/text-archive.js";

const run = "recipe = docker.run\nimage = x\n";

const examples: readonly Example[] = [
  {
    name: "network/overlap",
    part: "recipe = docker.network\nsubnet = 10.1.0.0/16",
    answers: {
      "POST /networks/create": [403, { message: "Pool overlaps with other one on this address space" }],
      "GET /networks": [{ Id: "n2", Name: "theirs", IPAM: { Config: [{ Subnet: "10.0.0.0/8" }] } }],
    },
    text: `error[network/overlap]: subnet 10.1.0.0/16 overlaps with another network (part web)
  buildout.cfg:5:10
5 | subnet = 10.1.0.0/16
  |          ^^^^^^^^^^^
  = note: 10.1.0.0/16 overlaps with 10.0.0.0/8 of network theirs
  = help: choose a subnet that is free, or leave the choice to the engine`,
  },
  {
    name: "network/no-subnet",
    part: "recipe = docker.network",
    answers: {
      "POST /networks/create": [
        404,
        { message: "could not find an available, non-overlapping IPv4 address pool" },
      ],
    },
    text: `error[network/no-subnet]: the engine found no subnet for the network: could not find an available, non-overlapping IPv4 address pool (part web)
  buildout.cfg:4:10
4 | recipe = docker.network
  |          ^^^^^^^^^^^^^^
  = help: remove networks that nobody uses: docker network prune
  = help: or choose a subnet that is free: subnet = 10.123.0.0/24`,
  },
  {
    name: "network/gone",
    part: "recipe = docker.network",
    answers: { "POST /networks/create": [201, { Id: "n1" }] },
    text: `error[network/gone]: network web was made and is gone again (part web)
  buildout.cfg:4:10
4 | recipe = docker.network
  |          ^^^^^^^^^^^^^^
  = help: something else on this engine removes networks: run again`,
  },
  {
    name: "network/differs",
    part: "recipe = docker.network\ndriver = macvlan",
    answers: {
      "GET /networks/web": { Id: "n1", Name: "web", Driver: "bridge", Labels: {}, IPAM: { Config: [] } },
    },
    text: `error[network/differs]: network web is there already and differs from what is asked for (part web)
  buildout.cfg:4:10
4 | recipe = docker.network
  |          ^^^^^^^^^^^^^^
  = note: its driver is bridge, not macvlan
  = note: this part did not make it, and leaves it as it is
  = help: ask for what is there, take another name, or remove the network`,
  },
  {
    name: "volume/differs",
    part: "recipe = docker.volume\ndriver-options = o=username=ann,password=mine-1234",
    answers: {
      "GET /volumes/web": {
        Name: "web",
        Driver: "local",
        Mountpoint: "/x",
        Options: { o: "username=ann,password=theirs-1234" },
      },
    },
    text: `error[volume/differs]: volume web is there already and differs from what is asked for (part web)
  buildout.cfg:4:10
4 | recipe = docker.volume
  |          ^^^^^^^^^^^^^
  = note: driver option o is "username=ann,password=***", not "username=ann,password=***"
  = note: this part did not make it, and leaves it as it is
  = help: ask for what is there, take another name, or remove the volume if its data may go`,
  },
  {
    name: "engine/warning",
    part: run,
    answers: {
      ...container(),
      "POST /containers/create": [201, { Id: "c1", Warnings: ["Your kernel does not support swap limits."] }],
    },
    code: 0,
    text: `warning[engine/warning]: Your kernel does not support swap limits. (part web)
  buildout.cfg:4:10
4 | recipe = docker.run
  |          ^^^^^^^^^^`,
  },
  {
    name: "option/no-effect: on an old engine",
    part: `${run}healthcheck-start-interval = 1s`,
    answers: container(),
    api: "1.40",
    code: 0,
    text: `warning[option/no-effect]: this engine knows no start interval of health checks (part web)
  buildout.cfg:6:30
6 | healthcheck-start-interval = 1s
  |                              ^^
  = note: it speaks API 1.40; 1.44 is needed`,
  },
  {
    name: "container/legacy-links",
    part: `${run}links = db`,
    answers: container(),
    code: 0,
    text: `warning[container/legacy-links]: links on the default network are going away: their variables in engine 29, they themselves in 30 (part web)
  buildout.cfg:6:9
6 | links = db
  |         ^^
  = help: put both containers into a network of their own: there every container is known by its name`,
  },
  {
    name: "container/port-taken",
    part: `${run}ports = 8080:80`,
    answers: {
      ...container(),
      "GET /containers/json": [{ Id: "c2", Names: ["/other"], Ports: [{ PublicPort: 8080, Type: "tcp" }] }],
      "POST /containers/c1/start": [
        500,
        { message: "Bind for 0.0.0.0:8080 failed: port is already allocated" },
      ],
    },
    text: `error[container/port-taken]: port 8080/tcp of the host is taken by container other (part web)
  buildout.cfg:6:9
6 | ports = 8080:80
  |         ^^^^^^^
  = note: the engine says: Bind for 0.0.0.0:8080 failed: port is already allocated
  = help: publish another port, or stop that container`,
  },
  {
    name: "container/exited",
    part: `${run}wait-for = healthy`,
    answers: container({ Running: false, Status: "exited", ExitCode: 3 }),
    text: `error[container/exited]: container web ended with exit code 3 before it came to be healthy (part web)
  buildout.cfg:6:12
6 | wait-for = healthy
  |            ^^^^^^^`,
  },
  {
    name: "container/no-healthcheck",
    part: `${run}wait-for = healthy`,
    answers: container(),
    text: `error[container/no-healthcheck]: container web has no health check, so that it never will be healthy (part web)
  buildout.cfg:6:12
6 | wait-for = healthy
  |            ^^^^^^^
  = help: add healthcheck-command, or wait for something else`,
  },
  {
    name: "container/cannot-look",
    part: `${run}wait-for = port 80`,
    answers: container(),
    command: () => ({ code: 127 }),
    text: `error[container/cannot-look]: container web has no program "cat" to look for open ports with (part web)
  buildout.cfg:6:12
6 | wait-for = port 80
  |            ^^^^^^^
  = help: wait for a line of its log, or give it a health check`,
  },
  {
    name: "container/script-failed",
    part: `${run}script = ./configure`,
    answers: container(),
    command: () => ({ code: 4, out: "no such option\n" }),
    text: `error[container/script-failed]: script in container web ended with exit code 4 (part web)
  buildout.cfg:6:10
6 | script = ./configure
  |          ^^^^^^^^^^^
  = note: its last lines were:
    no such option`,
  },
  {
    name: "reference/invalid",
    part: "recipe = docker.pull\nimage = A:B:C",
    code: 2,
    text: `error[reference/invalid]: "A:B:C" is not an image reference: a repository's name is in lower case (part web)
  buildout.cfg:5:9
5 | image = A:B:C
  |         ^^^^^`,
  },
  {
    name: "copy/same-container",
    part: "recipe = docker.copy\ncontainer-from = x\ncontainer-to = x\npaths = /a /a/b",
    code: 2,
    text: `error[copy/same-container]: container x is both the source and the target (part web)
  buildout.cfg:6:16
6 | container-to = x
  |                ^
  = help: copy within a container by a script that runs in it`,
  },
  {
    name: "copy/host",
    part: "recipe = docker.copy\npath-from = in\npath-to = buildout.cfg/x\npaths = a /",
    files: { "in/a": "" },
    text: `error[copy/host]: cannot write @/buildout.cfg/x (part web)
  buildout.cfg:6:11
6 | path-to = buildout.cfg/x
  |           ^^^^^^^^^^^^^^
  = note: ENOTDIR: not a directory, mkdir '@/buildout.cfg/x'`,
  },
  {
    name: "copy/unsupported",
    part: "recipe = docker.copy\ncontainer-from = x\npath-to = out\npaths = /a /",
    answers: {
      "GET /containers/x/json": { Id: "c1" },
      "HEAD /containers/x/archive": [200, "", pathStat("a", 0, 2 ** 25 + 0o644)],
      "GET /containers/x/archive": [200, archive("a", "", "6")],
    },
    text: `error[copy/unsupported]: /a is a fifo, which is not made in @/out (part web)
  buildout.cfg:7:9
7 | paths = /a /
  |         ^^^^
  = help: leave it out with exclude`,
  },
  {
    name: "engine/not-found",
    part: "recipe = docker.copy\ncontainer-from = x\npath-to = out\npaths = /a /",
    text: `error[engine/not-found]: there is no /containers/x/json (part web)
  buildout.cfg:4:10
4 | recipe = docker.copy
  |          ^^^^^^^^^^^
  = note: GET /containers/x/json was answered with 404
  = help: check its name, and that it is on this engine: docker ps -a, docker images, docker network ls, docker volume ls`,
  },
  {
    name: "engine/failed",
    part: "recipe = docker.volume",
    answers: { "POST /volumes/create": [500, { message: "no space left on device" }] },
    text: `error[engine/failed]: no space left on device (part web)
  buildout.cfg:4:10
4 | recipe = docker.volume
  |          ^^^^^^^^^^^^^
  = note: POST /volumes/create was answered with 500`,
  },
  {
    name: "engine/refused",
    part: "recipe = docker.volume\ndriver = nfs",
    answers: { "POST /volumes/create": [400, { message: "error looking up volume plugin nfs" }] },
    text: `error[engine/refused]: error looking up volume plugin nfs (part web)
  buildout.cfg:5:10
5 | driver = nfs
  |          ^^^
  = note: POST /volumes/create was answered with 400`,
  },
  {
    name: "engine/denied",
    part: "recipe = docker.volume",
    answers: { "POST /volumes/create": [403, { message: "authorization denied by plugin opa" }] },
    text: `error[engine/denied]: authorization denied by plugin opa (part web)
  buildout.cfg:4:10
4 | recipe = docker.volume
  |          ^^^^^^^^^^^^^
  = note: POST /volumes/create was answered with 403`,
  },
];

describe("a network that another run made in the same instant, on a played engine", () => {
  it("is used, and the second one of its name goes again", async () => {
    const labels = { "org.tsbuildout.part": "web" };
    const first = { Id: "n1", Name: "net", Created: "2026-01-01T00:00:00.1Z", Labels: {}, Driver: "bridge" };
    const second = { ...first, Id: "n2", Created: "2026-01-01T00:00:00.2Z", Labels: labels };
    const { url, requests, close } = await playedEngine({
      answers: {
        "GET /networks": [second, first],
        "POST /networks/create": [201, { Id: "n2" }],
      },
    });
    const buildout = await testBuildout({
      config: `[buildout]\nparts = web\nengine-url = ${url}\n[web]\nrecipe = docker.network\nname = net\n`,
    });
    try {
      expect((await buildout.install()).ok).to.be.true;
      expect(requests.filter((request) => request.startsWith("DELETE"))).to.deep.equal([
        "DELETE /networks/n2",
      ]);
      expect((await buildout.records()).get("web")?.outputs["network-id"]).to.equal("n1");
    } finally {
      await buildout.dispose();
      await close();
    }
  });
});

describe("a script whose container ends, on a played engine", () => {
  for (const code of [128, 137])
    it(`is told by the container's end, which the engine does not know yet when the script has ended with ${code}`, async () => {
      let ended = false;
      const state = {
        ExitCode: 0,
        get Running() {
          return !ended;
        },
      };
      const answers = {
        ...container(),
        "GET /containers/c1/json": Object.assign(container()["GET /containers/c1/json"]!, { State: state }),
        "POST /containers/c1/wait": {
          get StatusCode() {
            ended = true;
            return 0;
          },
        },
      };
      const { text } = await said({ part: `${run}script = sleep 9`, answers, command: () => ({ code }) });
      expect(text).to.match(
        /^error\[container\/exited\]: container web ended with exit code 0 before its script did/,
      );
    });
});

describe("what is wrong with containers, networks and volumes, on a played engine", () => says(examples));

/** Answers who asks a container to run something, and tells when. */
const refused = (status: number) => (ask: () => void) => ({
  answers: {
    "POST /containers/c1/exec": (): [number, object] => {
      ask();
      return [status, { message: "Container c1 is not running" }];
    },
  },
});

describe("a container that ends while it is asked for its ports", () => {
  const [running, ended] = [container(), container({ Running: false, Status: "exited", ExitCode: 3 })];
  const state = "GET /containers/c1/json";
  /** @param ask is told when the engine is asked to look */
  const ends = async (play: (ask: () => void) => Omit<Play, "api">) => {
    let now = running;
    const { answers, ...rest } = play(() => void (now = ended));
    const all = { ...running, [state]: () => now[state] as object, ...answers };
    return (await said({ part: `${run}wait-for = port 80`, answers: all, ...rest })).text.split(" (part")[0];
  };
  const text =
    "error[container/exited]: container web ended with exit code 3 before it came to listen on port 80/tcp";

  it("has ended, whatever the engine says of the asking", async () => {
    expect(await ends(refused(409))).to.equal(text);
    expect(await ends(refused(500))).to.equal(text);
    expect(await ends((ask) => ({ command: () => (ask(), { code: 126 }) }))).to.equal(text);
  });
});
