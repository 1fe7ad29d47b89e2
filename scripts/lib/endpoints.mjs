// Which engines a user may mean, in the order of the docker command line, and whether one of them answers.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * @typedef {object} Endpoint
 * @property {string} host unix:///path, tcp://host:port, ssh://host
 * @property {string} from what named it, for messages
 * @property {string} [certs] folder with ca.pem, cert.pem and key.pem, where TLS is used
 */

/** The endpoints to try. A context that is named but missing is an error, as it is for the docker command line. */
export function candidates(env = process.env) {
  if (env.DOCKER_HOST) {
    const certs = env.DOCKER_TLS_VERIFY ? (env.DOCKER_CERT_PATH ?? configFolder(env)) : undefined;
    return [{ host: normalise(env.DOCKER_HOST), from: "DOCKER_HOST", certs }];
  }
  const context = env.DOCKER_CONTEXT ?? currentContext(env);
  if (context && context !== "default") return [fromContext(context, env)];
  return [
    "/var/run/docker.sock",
    ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, "docker.sock")] : []),
    join(homedir(), ".docker/run/docker.sock"),
  ].map((path) => ({ host: `unix://${path}`, from: "default socket" }));
}

function configFolder(env) {
  return env.DOCKER_CONFIG ?? join(homedir(), ".docker");
}

function normalise(host) {
  return host.startsWith("/") ? `unix://${host}` : host;
}

function currentContext(env) {
  const file = join(configFolder(env), "config.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).currentContext : undefined;
}

function fromContext(name, env) {
  const id = createHash("sha256").update(name).digest("hex");
  const contexts = join(configFolder(env), "contexts");
  const meta = join(contexts, "meta", id, "meta.json");
  if (!existsSync(meta)) throw new Error(`the docker context "${name}" does not exist (${meta})`);
  const certs = join(contexts, "tls", id, "docker");
  return {
    host: normalise(JSON.parse(readFileSync(meta, "utf8")).Endpoints.docker.Host),
    from: `context ${name}`,
    ...(existsSync(certs) ? { certs } : {}),
  };
}

/** The engine's version, or an error that says why there is no answer. */
export async function version(endpoint, milliseconds = 30_000) {
  if (endpoint.host.startsWith("ssh://")) return versionBySsh(endpoint.host);
  const answer = await request(endpoint, { path: "/version", milliseconds });
  return JSON.parse(answer).Version;
}

function versionBySsh(host) {
  const format = ["version", "--format", "{{.Server.Version}}"];
  const { hostname, username, port } = new URL(host);
  const login = [...(username ? ["-l", username] : []), ...(port ? ["-p", port] : [])];
  const options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-T", ...login];
  const ssh = spawnSync("ssh", [...options, "--", hostname, "docker", ...format], { encoding: "utf8" });
  if (ssh.status !== 0) throw new Error((ssh.stderr || ssh.error?.message || "ssh failed").trim());
  return ssh.stdout.trim();
}

/** One request to an engine's API; the body as text. Rejects on a status that is not 2xx. */
export function request(endpoint, { method = "GET", path, milliseconds = 30_000 }) {
  const secure = Boolean(endpoint.certs);
  const options = { ...address(endpoint), method, path, timeout: milliseconds, agent: false };
  return new Promise((resolve, reject) => {
    const sent = (secure ? https : http).request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode >= 200 && response.statusCode < 300) resolve(text);
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.trim()}`));
      });
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${milliseconds / 1000} s`)));
    sent.on("error", reject);
    sent.end();
  });
}

function address({ host, certs }) {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  const url = new URL(host.replace(/^tcp:/, "http:"));
  const pem = (name) => readFileSync(join(certs, `${name}.pem`));
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port || (certs ? 2376 : 2375),
    ...(certs ? { ca: pem("ca"), cert: pem("cert"), key: pem("key") } : {}),
  };
}

/**
 * The first candidate that answers, with its version, and what became of the ones before it.
 * @param {Endpoint[]} endpoints
 */
export async function firstThatAnswers(endpoints) {
  const tried = [];
  for (const endpoint of endpoints) {
    try {
      return { engine: { ...endpoint, version: await version(endpoint) }, tried };
    } catch (error) {
      tried.push(`${endpoint.host} (${endpoint.from}): ${error.message || error.code}`);
    }
  }
  return { engine: undefined, tried };
}
