import { expect } from "chai";
import { ask } from "../../support/config.js";

const files = {
  "buildout.cfg":
    "[buildout]\nparts = web\nextends = base.cfg\n[web]\nimage = nginx:$<:version>\nports +=\n  443:443\n  8080\nports -= 8080\n[copy]\n<= web\nversion = 2\n",
  "base.cfg": "[web]\nversion = 1\nports = 80:80\n",
};

const run = async (...args: string[]) => (await ask(files, { args })).stdout;

describe("annotate, query and check", () => {
  it("annotate shows values and where they come from", async () => {
    expect(await run("annotate", "web", "copy")).to.equal(
      `[web]
image = nginx:1
    buildout.cfg:5
ports =
  80:80
  443:443
    base.cfg:3, += buildout.cfg:6, -= buildout.cfg:9
version = 1
    base.cfg:2

[copy]
image = nginx:2
    buildout.cfg:5, copied as [web] by buildout.cfg:11
ports =
  80:80
  443:443
    base.cfg:3, += buildout.cfg:6, -= buildout.cfg:9, copied as [web] by buildout.cfg:11
version = 2
    buildout.cfg:12
`,
    );
  });

  it("annotate -v shows the whole history", async () => {
    expect(await run("annotate", "-v", "web", "web:version=3")).to.equal(
      `[web]
image = nginx:3
    buildout.cfg:5: = nginx:$<:version>
ports =
  80:80
  443:443
    buildout.cfg:9: -= 8080
    buildout.cfg:6: +=
      443:443
      8080
    base.cfg:3: = 80:80
version = 3
    command line: = 3
    base.cfg:2: = 1
`,
    );
  });

  it("annotate --json has the documented shape", async () => {
    expect(JSON.parse(await run("annotate", "--json", "web"))).to.deep.equal({
      sections: {
        web: {
          image: {
            value: "nginx:1",
            source: "buildout.cfg:5",
            history: [{ operation: "=", value: "nginx:$<:version>", source: "buildout.cfg:5" }],
          },
          ports: {
            value: "80:80\n443:443",
            source: "buildout.cfg:6",
            history: [
              { operation: "=", value: "80:80", source: "base.cfg:3" },
              { operation: "+=", value: "443:443\n8080", source: "buildout.cfg:6" },
              { operation: "-=", value: "8080", source: "buildout.cfg:9" },
            ],
          },
          version: {
            value: "1",
            source: "base.cfg:2",
            history: [{ operation: "=", value: "1", source: "base.cfg:2" }],
          },
        },
      },
    });
  });

  it("query prints a bare value, or JSON; the section defaults to buildout", async () => {
    expect(await run("query", "web:ports")).to.equal("80:80\n443:443\n");
    expect(await run("query", "--json", "web:image")).to.equal('{"value":"nginx:1"}\n');
    expect(await run("query", "parts")).to.equal("web\n");
  });

  it("know the recipes' defaults, secrets and outputs", async () => {
    const parts = {
      "buildout.cfg": `[buildout]
parts = push web
[push]
recipe = docker.push
image = x
password = hunter2
[web]
recipe = docker.run
image = nginx
[use]
a = pw-$<push:password>
b = $<web:container-id>
`,
    };
    const { stdout } = await ask(parts, { args: ["annotate", "--json", "use", "push"] });
    const { sections } = JSON.parse(stdout) as {
      sections: Record<string, Record<string, { value: unknown; unknown?: unknown }>>;
    };
    expect(sections["push"]!["password"]!.value).to.equal("***");
    expect(sections["use"]!["a"]!.value).to.equal("***");
    expect(sections["use"]!["b"]).to.deep.include({ value: null, unknown: ["web:container-id"] });
    expect(stdout).to.not.contain("hunter2");
    expect((await ask(parts, { args: ["annotate", "-v"] })).stdout).to.not.contain("hunter2");
  });

  it("annotate and query show no password that stands in the midst of a value", async () => {
    const env = "env = DB_PASSWORD=Geheim12 x\n  URL=postgres://me:Kennwort1@db/app\n  LEVEL=3\n";
    const parts = {
      "buildout.cfg": `[buildout]\nparts = web\n[web]\nrecipe = docker.run\nimage = nginx\n${env}`,
    };
    const shown = ["DB_PASSWORD=***", "URL=postgres://me:***@db/app", "LEVEL=3"];
    const said = async (...args: string[]): Promise<string> => (await ask(parts, { args })).stdout;
    expect(await said("query", "web:env")).to.equal(`${shown.join("\n")}\n`);
    expect(await said("query", "--json", "web:env")).to.equal(
      `${JSON.stringify({ value: shown.join("\n") })}\n`,
    );
    for (const args of [
      ["annotate"],
      ["annotate", "-v"],
      ["annotate", "--json"],
      ["annotate", "--json", "-v"],
    ])
      expect(await said(...args), args.join(" "))
        .to.contain(shown[0])
        .and.contain(shown[1])
        .and.not.match(/Geheim12|Kennwort1/);
  });

  it("do not mind a recipe that cannot be loaded", async () => {
    const parts = { "buildout.cfg": "[a]\nrecipe = nowhere:x\nb = 1\n[c]\nd = $<a:b> $<a:made>\n" };
    const { code, stdout } = await ask(parts, { args: ["annotate", "c"] });
    expect([code, stdout]).to.deep.equal([
      0,
      "[c]\nd = (known after install of a:made)\n    buildout.cfg:5\n",
    ]);
    const pull = "[p]\nrecipe = docker.pull\nname = x\n[c]\nd = $<p:image>\n";
    expect((await ask({ "buildout.cfg": pull }, { args: ["query", "c:d"] })).stdout).to.equal(
      "(known after install of p:image)\n",
    );
  });

  it("query tells an output as it was recorded, also of a part that another one has made", async () => {
    const recorded = {
      "buildout.cfg":
        "[buildout]\ninstalled = state/x.cfg\n[p]\nrecipe = docker.pull\nname = x\n" +
        "[c]\nd = $<p:digest> of $<p:name>\ne = $<p:digest> $<p:image-id>\n",
      "state/x.cfg":
        "[buildout]\nversion=1\nid=a3423c11991d\nkey=03c7ac7d93351147edbae293950232ff\ngeneration=1\n\n" +
        "[part:p]\nrecipe=docker.pull\nversion=1\ninstalled=2026-11-20T22:00:00.000Z\noutput:digest=sha256:00\n\n" +
        "[part:all.p]\nrecipe=docker.push\nversion=1\ninstalled=2026-11-20T22:00:00.000Z\noutput:digest=sha256:11\noutput:key=secret:22\n",
    };
    const query = async (...args: string[]) => (await ask(recorded, { args: ["query", ...args] })).stdout;
    expect(await query("p:digest")).to.equal("sha256:00\n");
    expect(await query("--json", "p:digest")).to.equal('{"value":"sha256:00"}\n');
    expect(await query("all.p:digest")).to.equal("sha256:11\n");
    expect(await query("all.p:key")).to.equal("***\n");
    expect(await query("p:name"), "an option is what the file says").to.equal("x\n");
    expect(await query("c:d"), "an option that refers to one").to.equal("sha256:00 of x\n");
    expect(await query("c:e"), "one of them recorded").to.equal("(known after install of p:image-id)\n");
    expect(await query("p:image-id"), "not recorded").to.equal("(known after install of p:image-id)\n");
    const none = await ask(recorded, { args: ["query", "all.q:digest"] });
    expect([none.code, none.stderr]).to.deep.equal([
      2,
      "error[config/missing-section]: there is no section [all.q]\n",
    ]);
  });

  const configured = {
    "buildout.cfg": `[buildout]
parts = web all
[web]
recipe = docker.run
image = $<all.app:image>
ports = 80
env = PORT=$<other:port-80> ANSWER=$<test:answer>
[other]
recipe = docker.run
image = x
ports = 80
[test]
recipe = docker.stage
img = x
secret = true
output-files = answer /out/answer
run = true
[all]
recipe = docker.images
directory = images
`,
    "images/app/Dockerfile": "FROM busybox\n",
  };

  const query = async (...args: string[]) => (await ask(configured, { args: ["query", ...args] })).stdout;

  it("know what only configuring a part tells: outputs called after its options, and parts that it makes", async () => {
    for (const args of [["check"], ["annotate"], ["graph"]])
      expect(await ask(configured, { args }), args[0]).to.deep.include({ code: 0, stderr: "" });
    expect(await query("other:port-80")).to.equal("(known after install of other:port-80)\n");
    expect(await query("web:image")).to.equal("(known after install of all.app:image)\n");
    expect(await query("all.app:name")).to.equal("app\n");
    expect(JSON.parse(await query("--json", "web:env"))).to.deep.equal({
      value: null,
      unknown: ["other:port-80", "test:answer"],
    });
  });

  it("say of an output or a part that nobody has that it is not there", async () => {
    const wrong = (from: string, to: string) => ({
      ...configured,
      "buildout.cfg": configured["buildout.cfg"].replace(from, to),
    });
    const said = async (files: typeof configured, ...args: string[]) => (await ask(files, { args })).stderr;
    const ports = wrong("other:port-80", "other:port-81");
    for (const args of [["check"], ["annotate"], ["query", "web:env"]])
      expect(await said(ports, ...args), args[0]).to.contain('[other] has no option "port-81"');
    const parts = wrong("all.app", "all.web");
    for (const args of [["check"], ["annotate"], ["query", "web:image"]])
      expect(await said(parts, ...args), args[0]).to.contain(
        "[web] refers to [all.web], which does not exist",
      );
    expect(await said(configured, "query", "other:port-81")).to.contain('[other] has no option "port-81"');
  });

  it("check collects mistakes of the language and of the recipes", async () => {
    const parts = {
      "buildout.cfg":
        "[buildout]\nparts = web\n[web]\nrecipe = docker.run\nimage = nginx\nports = many\n[x]\ny = $<z:z>\n",
    };
    const { code, stdout } = await ask(parts, { args: ["check", "--json"] });
    const [list, error] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const codes = (list!["diagnostics"] as { code: string }[]).map((diagnostic) => diagnostic.code);
    expect(codes).to.deep.equal(["config/missing-section", "option/value"]);
    expect(error).to.have.nested.property("error.code", "config/missing-section");
    expect(code).to.equal(2);
    expect(await ask({ "buildout.cfg": "[buildout]\nparts =\n" }, { args: ["check"] })).to.deep.include({
      code: 0,
      stdout: "no mistakes\n",
    });
  });

  it("print help and the version", async () => {
    expect(await run("--version")).to.match(/^tsbuildout \d+\.\d+\.\d+\n$/);
    expect(await run("--help")).to.contain("annotate [section ...]");
    expect(await run("query", "--help")).to.contain("Usage: tsbuildout [options] query [section:]option");
  });
});
