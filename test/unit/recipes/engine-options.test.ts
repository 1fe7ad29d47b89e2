import { expect } from "chai";
import { testBuildout } from "../../../src/testing.js";
import { engineOf } from "../../../src/recipes/common.js";

/** The choice that a part's options and those of `[buildout]` come to: url, context, machine, verify, certificates. */
async function choice(part: object, buildout: object): Promise<unknown> {
  let asked = "";
  const texts = part as Readonly<Record<string, string>>;
  await engineOf({
    text: (name: string) => texts[name],
    buildout: { options: buildout, directory: "/here" },
    home: "/home/ann",
    env: {},
    shared: async (key: string) => await Promise.reject(new Error((asked = key))),
  } as never).catch(() => undefined);
  return JSON.parse(/\[.*\]/.exec(asked)?.[0] ?? "null");
}

describe("the engine of a part", () => {
  const shared = { "engine-url": "tcp://a", "engine-tls-verify": "true", "engine-tls-cert-path": "certs" };

  it("is that of [buildout], with its TLS", async () => {
    expect(await choice({}, shared)).to.deep.equal(["tcp://a", null, null, true, "/here/certs"]);
  });

  it("may be another one with the same TLS, or with an own folder of certificates", async () => {
    expect(await choice({ "engine-url": "tcp://b" }, shared)).to.deep.equal([
      "tcp://b",
      null,
      null,
      true,
      "/here/certs",
    ]);
    expect(await choice({ "engine-tls-cert-path": "~/own" }, shared)).to.deep.equal([
      "tcp://a",
      null,
      null,
      true,
      "/home/ann/own",
    ]);
  });

  it("has its own TLS where it is a context or a machine, unless the part says otherwise", async () => {
    expect(await choice({ context: "c" }, shared)).to.deep.equal([null, "c", null, null, null]);
    expect(await choice({ "machine-name": "m", "engine-tls-verify": "false" }, shared)).to.deep.equal([
      null,
      null,
      "m",
      false,
      null,
    ]);
  });
});

/** Parts that use each other's things by name. @param more says on which engine */
const stack = (one: string, more: string): string => `
[net-${one}]
recipe = docker.network
name = net
${more}
[data-${one}]
recipe = docker.volume
name = data
${more}
[base-${one}]
recipe = docker.build
name = base
dockerfile-inline = FROM scratch
${more}
[app-${one}]
recipe = docker.build
dockerfile-inline = FROM base
${more}
[run-${one}]
recipe = docker.run
name = run
image = base
networks = net
volumes = data:/data
${more}
[push-${one}]
recipe = docker.push
name = base
repository = registry.example/base
${more}
`;

describe("parts on several engines with things of one name", () => {
  it("need those that are on their own one", async () => {
    const config = `[buildout]
parts = ${["a", "b", "c"].map((one) => `app-${one} run-${one} push-${one} base-${one} data-${one} net-${one}`).join(" ")} copy
engine-url = unix:///c
${stack("a", "engine-url = unix:///a")}${stack("b", "context = b")}${stack("c", "")}
[copy]
recipe = docker.copy
container-from = run
engine-url-from = unix:///a
container-to = run
paths = /x
`;
    const made = await testBuildout({ config });
    const parts = await made.open().graph();
    const needs = (name: string): string[] =>
      (parts.find(({ part }) => part === name)?.needs ?? []).map((need) => need.part).sort();
    for (const one of ["a", "b", "c"]) {
      expect(needs(`app-${one}`), one).to.deep.equal([`base-${one}`]);
      expect(needs(`run-${one}`), one).to.deep.equal([`base-${one}`, `data-${one}`, `net-${one}`]);
      expect(needs(`push-${one}`), one).to.deep.equal([`base-${one}`]);
    }
    expect(needs("copy")).to.deep.equal(["run-a", "run-c"]);
    await made.dispose();
  });

  it("need one that is on the same engine by another name, or by none", async () => {
    const made = await testBuildout({
      config: `[buildout]
parts = run net
[net]
recipe = docker.network
engine-url = unix:///var/run/docker.sock
[run]
recipe = docker.run
image = busybox
networks = net
`,
    });
    const parts = await made.open().graph();
    const run = parts.find(({ part }) => part === "run");
    expect(run?.needs.map(({ part }) => part)).to.deep.equal(["net"]);
    await made.dispose();
  });
});
