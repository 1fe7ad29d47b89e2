import https from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { makeCertificates, type Certificates } from "../support/certificates.js";
import { tsbuildout, type CliResult } from "../support/cli.js";
import { temporaryFolder } from "../support/tmp.js";

/** Asks in each way that a recipe may, and for what the process and a child of it know of the certificates. */
const ASKING = `
import { execFileSync } from "node:child_process";
import { get } from "node:https";
import { connect } from "node:tls";
import { once } from "node:events";
export default {
  doc: "Asks.",
  version: "1",
  options: {},
  async install({ log }) {
    const url = process.env.WHOM;
    const [response] = await once(get(url), "response");
    log("https " + response.statusCode);
    log("fetch " + (await fetch(url)).status);
    const socket = connect({ host: "127.0.0.1", port: new URL(url).port });
    await once(socket, "secureConnect");
    socket.destroy();
    log("tls " + socket.authorized);
    const names = "Object.keys(process.env).filter((name) => name.includes('CA_CERTS')).join()";
    log("process " + eval(names));
    log("child " + execFileSync("node", ["-p", names]));
  },
  async look() { return new Map(); },
  async uninstall() {},
};
`;

const SETTINGS = "[settings]\nfound = over TLS\n";

describe("NODE_EXTRA_CA_CERTS", () => {
  let authority: Certificates;
  let server: https.Server;
  let url: string;

  before(async () => {
    authority = await makeCertificates();
    const { key, cert } = authority.server;
    server = https.createServer({ key, cert }, (_request, response) => response.end(SETTINGS));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/settings.cfg`;
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const trusting = (file = join(authority.client, "ca.pem")): Record<string, string> => ({
    NODE_EXTRA_CA_CERTS: file,
  });

  async function query(env: Record<string, string> = {}): Promise<CliResult> {
    const cwd = await temporaryFolder({ "buildout.cfg": `[buildout]\nextends = ${url}\nparts =\n` });
    return await tsbuildout(["query", "settings:found"], { cwd, env });
  }

  it("is trusted by downloads, which trust the server of nobody's else", async () => {
    expect(await query(trusting())).to.include({ code: 0, stdout: "over TLS\n" });
    expect((await query()).stderr).to.match(/unable to verify the first certificate|self-signed/);
  });

  it("is trusted by recipes, however they ask, and is theirs and their programs' by its own name alone", async () => {
    const cwd = await temporaryFolder({
      "ask.mjs": ASKING,
      "buildout.cfg": `[buildout]\nparts = ask\n[ask]\nrecipe = ./ask.mjs\n`,
    });
    const { stdout, stderr } = await tsbuildout([], { cwd, env: { ...trusting(), WHOM: url } });
    expect(stderr).to.equal("");
    const said = [...stdout.matchAll(/^ask \| (.*)$/gm)].map(([, line]) => line);
    expect(said).to.deep.equal([
      "https 200",
      "fetch 200",
      "tls true",
      "process NODE_EXTRA_CA_CERTS",
      "child NODE_EXTRA_CA_CERTS",
    ]);
  });

  it("that is not there is told and left, where something asks for it", async () => {
    const cwd = await temporaryFolder({ "buildout.cfg": `[buildout]\nextends = ${url}\nparts =\n` });
    const { stderr } = await tsbuildout(["plan"], { cwd, env: trusting("/nowhere.pem") });
    expect(stderr).to.match(/Ignoring extra certs from `\/nowhere\.pem`, load failed: ENOENT/);
    const local = await temporaryFolder({ "buildout.cfg": "[buildout]\nparts =\n" });
    expect((await tsbuildout(["plan"], { cwd: local, env: trusting("/nowhere.pem") })).stderr).to.equal("");
  });
});
