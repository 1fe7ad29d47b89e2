import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import http from "node:http";
import https from "node:https";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./free-port.js";
import { temporaryFolder } from "./tmp.js";

export interface RegistryOptions {
  /** For its data; a temporary one otherwise. */
  readonly folder?: string;
  /** Asks for this name and password (basic authentication); open to everybody otherwise. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Serves HTTPS with a certificate of its own making, which no engine trusts by itself. */
  readonly tls?: boolean;
  /** Takes tokens of that server, which are made with the certificate (see token-registry). */
  readonly tokens?: Readonly<Record<"realm" | "service" | "issuer" | "certificate", string>>;
}

export interface Registry {
  /** `127.0.0.1:PORT`: engines speak plain HTTP to that address without being told. */
  readonly host: string;
  /** The PEM file of the certificate, where `tls` was asked for. */
  readonly certificate?: string;
  readonly stop: () => Promise<void>;
}

/** Starts Debian's docker-registry on a free port of 127.0.0.1, with its data in a temporary folder. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { folder = await temporaryFolder() } = options;
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "config.yml");
  const certificate = options.tls ? makeCertificate(folder) : undefined;
  await writeFile(config, await configuration({ folder, host, options }));
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
  const kill = (): void => void child.kill();
  process.once("exit", kill); // a test that forgets to stop it
  child.once("exit", () => process.off("exit", kill));
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-4000)));
  const url = `${certificate ? "https" : "http"}://${host}/v2/`;
  await answered(child, url, () => log);
  return { host, ...(certificate ? { certificate } : {}), stop: () => stopped(child) };
}

async function configuration(of: {
  folder: string;
  host: string;
  options: RegistryOptions;
}): Promise<string> {
  const { folder, host, options } = of;
  const lines = [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: "${folder}/data" }, delete: { enabled: true } }`,
    "http:",
    `  addr: ${host}`,
  ];
  if (options.tls) lines.push(`  tls: { certificate: "${folder}/cert.pem", key: "${folder}/key.pem" }`);
  if (options.login) {
    await writeFile(join(folder, "htpasswd"), htpasswd(options.login));
    lines.push(`auth: { htpasswd: { realm: test, path: "${folder}/htpasswd" } }`);
  }
  if (options.tokens) {
    const { certificate, ...rest } = options.tokens;
    lines.push(`auth: { token: ${JSON.stringify({ ...rest, rootcertbundle: certificate })} }`);
  }
  return `${lines.join("\n")}\n`;
}

/** The password goes by standard input, as it should everywhere. */
function htpasswd(login: { username: string; password: string }): string {
  return execFileSync("htpasswd", ["-niB", login.username], { input: login.password, encoding: "utf8" });
}

/** A key and a certificate for 127.0.0.1, `key.pem` and `cert.pem`. @returns the certificate's path */
export function makeCertificate(folder: string): string {
  const certificate = join(folder, "cert.pem");
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", join(folder, "key.pem"), "-out", certificate];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", ["req", "-x509", "-days", "2", ...key, ...subject, ...files], { stdio: "ignore" });
  return certificate;
}

/** Asks again after each refusal; a process that ends is an error with its last words. */
async function answered(child: ChildProcess, url: string, log: () => string): Promise<void> {
  const failure = new Promise<never>((_, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`docker-registry ended with ${code}:\n${log()}`)));
  });
  const asking = (async () => {
    const end = Date.now() + 120_000;
    while (!(await answers(url))) if (Date.now() > end) throw new Error(`${url} does not answer:\n${log()}`);
  })();
  await Promise.race([asking, failure]);
  failure.catch(() => {}); // it ends when it is stopped
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = url.startsWith("https") ? https : http;
    const request = client.get(url, { agent: false, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(true);
    });
    request.on("error", () => setTimeout(resolve, 20, false));
  });
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.on("exit", () => resolve());
    child.kill();
  });
}
