import { expect } from "chai";
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
