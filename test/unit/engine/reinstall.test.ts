import { expect } from "chai";
import { type Recipe, type UninstallContext } from "../../../src/engine/contract.js";
import { option } from "../../../src/engine/schema.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { config, refusal, results } from "../../support/quick-parts.js";

describe("what is to be made anew", () => {
  let calls: string[];
  let buildout: TestBuildout;

  /** Says what is done with its parts; it could update them in place. */
  const told: Recipe = {
    doc: "Says what is done with it.",
    version: "1",
    options: { a: option.string({ doc: "An option.", inPlace: true }) },
    look: async () => new Map(),
    install: async ({ part }) => void calls.push(`install ${part}`),
    update: async ({ part }) => void calls.push(`update ${part}`),
    uninstall: async ({ record, because }: UninstallContext) =>
      void calls.push(`uninstall ${record.part}: ${because}`),
  };

  const safe: Recipe = {
    ...told,
    protects: "the data",
    install: async (context) => await context.created({ kind: "thing", name: context.part }),
  };

  beforeEach(async () => {
    const sections = [
      "[net]\nrecipe = told",
      "[web]\nrecipe = told\n=> net",
      "[other]\nrecipe = told\ntriggers = src/**",
      "[data]\nrecipe = safe",
      "[tool]\nrecipe = told",
    ];
    buildout = await testBuildout({ config: config("web other data", ...sections), recipes: { told, safe } });
    calls = [];
    await buildout.install();
    calls = [];
  });

  afterEach(async () => {
    await buildout.dispose();
  });

  it("is uninstalled and installed though nothing changed, with what needs it, as the plan says", async () => {
    const { steps, changes } = await buildout.plan({ reinstall: ["net"] });
    const planned = steps.filter(({ action }) => action !== "none");
    expect(planned.map(({ part, action, reasons }) => `${part} ${action}: ${reasons.join()}`)).to.deep.equal([
      "net reinstall: asked for",
      "web reinstall: needs net, which is reinstalled",
    ]);
    expect(changes).to.equal(true);
    await buildout.install({ reinstall: ["net"] });
    expect(calls).to.deep.equal([
      "uninstall web: changed",
      "uninstall net: changed",
      "install net",
      "install web",
    ]);
    expect((await buildout.install()).counts, "once").to.include({ unchanged: 4, done: 0 });
  });

  it("is so beside the parts that a run is limited to, or that changed files concern", async () => {
    expect(results(await buildout.install({ parts: ["other"], reinstall: ["web", "web"] }))).to.have.members([
      "other none unchanged: undefined",
      "web reinstall done: asked for",
      "net none unchanged: undefined",
    ]);
    expect(results(await buildout.install({ changed: ["src/x"], reinstall: ["web"] }))).to.have.members([
      "other update done: triggered by src/x",
      "web reinstall done: asked for",
      "net none unchanged: undefined",
    ]);
    expect(results(await buildout.install({ changed: ["README"], reinstall: ["other"] }))).to.deep.equal([
      "other reinstall done: asked for",
    ]);
  });

  it("is installed where it is not yet, and refused where it is no part of the run", async () => {
    expect(results(await buildout.install({ parts: ["tool"], reinstall: ["tool"] }))).to.deep.equal([
      "tool install done: not installed yet",
    ]);
    expect(await refusal(() => buildout.plan({ reinstall: ["tool"] }))).to.equal(
      "error[part/unknown]: tool is not one of the parts of this run\n   = help: tsbuildout install tool --reinstall tool",
    );
    expect(await refusal(() => buildout.plan({ reinstall: ["wbe"] }))).to.equal(
      'error[part/unknown]: there is no part wbe\n   = help: did you mean "web"?',
    );
  });

  it("is not what is protected, unless that may be destroyed", async () => {
    expect(await refusal(() => buildout.install({ reinstall: ["data"] })))
      .to.contain("data would have to be made anew, and the data would be lost")
      .and.contain("replace = true in [data], or --replace data");
    expect(results(await buildout.install({ reinstall: ["data"], replace: ["data"] }))).to.include(
      "data reinstall done: asked for",
    );
    expect(calls).to.deep.equal(["uninstall data: changed"]);
  });
});
