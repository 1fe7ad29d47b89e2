import { expect } from "chai";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runAttached } from "../../../src/docker/attach.js";
import { connect } from "../../../src/docker/connect.js";
import type { Surroundings } from "../../../src/docker/endpoint.js";
import type { Engine } from "../../../src/docker/engine.js";
import { DockerError, type Problem } from "../../../src/docker/errors.js";
import { execInContainer } from "../../../src/docker/exec.js";
import { makeCertificates, type Certificates } from "../../support/certificates.js";
import { engineRemove, uniqueName } from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { engineSocket, tcpProxy, tlsProxy, type Proxy } from "../../support/proxies.js";
import { startSshd, type Sshd } from "../../support/sshd.js";
import { temporaryFolder } from "../../support/tmp.js";

const nowhere: Surroundings = { env: {}, home: "/nonexistent" };

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error.problem;
}

/** Surroundings in which `ssh` is the one of that folder. */
function sshFrom(path: string): Surroundings {
  return { env: { PATH: `${path}:${process.env["PATH"]}`, HOME: "/nonexistent" }, home: "/nonexistent" };
}

/** Everything that a connection must be able to do: JSON, a long body, a hijacked connection that is half-closed. */
async function useFully(engine: Engine): Promise<void> {
  const image = await ensureBaseImage();
  const name = uniqueName("connect");
  try {
    const docker = await engine.dockerode();
    const container = await docker.createContainer({
      name,
      Image: image,
      Cmd: ["cat"],
      OpenStdin: true,
      StdinOnce: true,
    });
    let output = "";
    const code = await runAttached(engine, container.id, {
      stdin: Buffer.from("through and back"),
      onOutput: ({ data }) => void (output += data.toString()),
    });
    expect([code, output]).to.deep.equal([0, "through and back"]);
    const exported = await engine.stream({ path: `/containers/${name}/export` });
    let bytes = 0;
    for await (const chunk of exported) bytes += (chunk as Buffer).length;
    expect(bytes).to.be.above(500_000);
  } finally {
    await engine.close();
    await engineRemove("containers", name);
  }
}

describe("connections to a real engine", () => {
  it("go over its socket", async () => {
    const engine = await connect({ url: `unix://${engineSocket()}` }, nowhere);
    const info = await engine.info();
    expect(info.os).to.equal("linux");
    expect(info.arch).to.match(/^(amd64|arm64)$/);
    expect(info.containerdStore).to.be.a("boolean");
    expect(await engine.info()).to.equal(info);
    await useFully(engine);
  });

  it("go over tcp", async () => {
    const proxy = await tcpProxy();
    await useFully(await connect({ url: `tcp://127.0.0.1:${proxy.port}` }, nowhere));
    expect(proxy.connections()).to.be.above(0);
    await proxy.close();
  });

  describe("over TLS", () => {
    let certificates: Certificates;
    let proxy: Proxy;
    before(async () => {
      certificates = await makeCertificates();
      proxy = await tlsProxy(certificates);
    });
    after(async () => await proxy.close());
    const url = (): string => `tcp://127.0.0.1:${proxy.port}`;

    it("show their certificate and check the engine's", async () => {
      await useFully(
        await connect({ url: url(), tlsVerify: true, tlsCertPath: certificates.client }, nowhere),
      );
    });

    it("are made as DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH say", async () => {
      const env = { DOCKER_HOST: url(), DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certificates.client };
      const engine = await connect({}, { env, home: "/nonexistent" });
      expect(engine.origin).to.equal("DOCKER_HOST");
      await useFully(engine);
    });

    it("are refused without certificate, to an engine that nobody vouches for, and without TLS", async () => {
      const to = (more: object): Promise<Problem> => refusal(connect({ url: url(), ...more }, nowhere));
      const stranger = await makeCertificates();
      expect((await to({ tlsVerify: false })).message).to.equal(
        `cannot reach the Docker engine at ${url()} (option engine-url)`,
      );
      expect((await to({ tlsVerify: false })).notes?.[0]).to.match(/^the TLS handshake failed/);
      expect(await to({ tlsCertPath: stranger.client })).to.deep.include({
        notes: ["the engine's certificate cannot be verified: self-signed certificate in certificate chain"],
        help: [
          "the ca.pem that vouches for it belongs into the folder of engine-tls-cert-path, or of DOCKER_CERT_PATH",
        ],
      });
      expect((await to({})).notes).to.deep.equal(["the connection was closed before an answer came"]);
    });
  });

  describe("over ssh", () => {
    let sshd: Sshd;
    before(
      async () =>
        (sshd = await startSshd({
          DOCKER_HOST: `unix://${engineSocket()}`,
          PATH: process.env["PATH"] ?? "",
        })),
    );
    after(async () => await sshd.close());
    const url = (): string => `ssh://${sshd.user}@127.0.0.1:${sshd.port}`;

    it("run the system's ssh and docker system dial-stdio", async () => {
      await useFully(await connect({ url: url() }, sshFrom(sshd.path)));
    });

    it("reach a socket other than the default one", async () => {
      const engine = await connect({ url: `${url()}${engineSocket()}` }, sshFrom(sshd.path));
      expect((await engine.info()).os).to.equal("linux");
      await engine.close();
    });

    it("serve many requests at once with few processes", async () => {
      const bin = await temporaryFolder();
      const [ssh, begun] = [join(bin, "ssh"), join(bin, "begun")];
      await writeFile(ssh, `#!/bin/sh\necho >> ${begun}\nexec ${join(sshd.path, "ssh")} "$@"\n`, {
        mode: 0o755,
      });
      const engine = await connect({ url: url() }, sshFrom(bin));
      const versions = await Promise.all(
        Array.from({ length: 20 }, () => engine.request<{ ApiVersion: string }>({ path: "/version" })),
      );
      expect(new Set(versions.map((one) => one.ApiVersion)).size).to.equal(1);
      await engine.close();
      expect((await stat(begun)).size, "processes").to.be.within(1, 6);
    });

    it("show what ssh says when it fails", async () => {
      const denied = await refusal(connect({ url: url() }, sshFrom(sshd.strangerPath)));
      expect(denied.code).to.equal("engine/unreachable");
      expect(denied.message).to.equal(`cannot reach the Docker engine at ${url()} (option engine-url)`);
      expect(denied.notes?.join("\n")).to.match(/^ssh: .*Permission denied/);
      const wrong = await refusal(connect({ url: `${url()}/nonexistent.sock` }, sshFrom(sshd.path)));
      expect(wrong.notes?.join("\n")).to.contain("nonexistent.sock");
      const missing = await refusal(connect({ url: url() }, { env: { PATH: "/nonexistent" }, home: "/" }));
      expect(missing.notes?.join("\n")).to.equal("ssh: the program is not installed");
    });
  });

  describe("to a process in a container", () => {
    const name = uniqueName("exec");
    let engine: Engine;
    before(async () => {
      engine = await connect({ url: `unix://${engineSocket()}` }, nowhere);
      const json = { Image: await ensureBaseImage(), Cmd: ["sleep", "1000"] };
      await engine.request({ method: "POST", path: "/containers/create", query: { name }, json });
      await engine.request({ method: "POST", path: `/containers/${name}/start` });
    });
    after(async () => {
      await engine.close();
      await engineRemove("containers", name);
    });
    const exec = async (script: string, more: object = {}): Promise<[number, string, string]> => {
      const said = { stdout: "", stderr: "" };
      const code = await execInContainer(engine, name, {
        cmd: ["sh", "-c", script],
        onOutput: ({ stream, data }) => void (said[stream] += data.toString()),
        ...more,
      });
      return [code, said.stdout, said.stderr];
    };

    it("give its exit code and both of its outputs", async () => {
      expect(await exec("echo out; echo err >&2; exit 7")).to.deep.equal([7, "out\n", "err\n"]);
    });

    it("set its user, folder and environment", async () => {
      const more = { user: "65534", workdir: "/tmp", env: ["A=b=c"] };
      expect(await exec('echo "$(id -u) $PWD $A"', more)).to.deep.equal([0, "65534 /tmp b=c\n", ""]);
    });

    it("end its input, and do not mind a process that reads none of it", async () => {
      expect(await exec("cat | wc -c", { stdin: Buffer.alloc(3_000_000, "x") })).to.deep.equal([
        0,
        "3000000\n",
        "",
      ]);
      expect((await exec("exit 3", { stdin: Buffer.alloc(3_000_000, "x") }))[0]).to.equal(3);
    });

    it("do not wait for a child that holds the output when the process itself has ended", async () => {
      expect(await exec("(sleep 100 &) ; echo done")).to.deep.equal([0, "done\n", ""]);
    });

    it("give a TTY's output whole", async () => {
      expect(await exec("test -t 1 && echo tty", { tty: true })).to.deep.equal([0, "tty\r\n", ""]);
    });

    it("end when they are told to", async () => {
      const stop = new AbortController();
      const onOutput = (): void => stop.abort();
      const error: unknown = await exec("echo x; sleep 100", { signal: stop.signal, onOutput }).catch(
        (e: unknown) => e,
      );
      expect(error).to.have.property("name", "AbortError");
    });

    it("say which container is not there", async () => {
      const problem = await refusal(execInContainer(engine, "nonexistent", { cmd: ["true"] }));
      expect(problem.code).to.equal("engine/not-found");
    });
  });
});
