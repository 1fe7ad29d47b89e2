import { execFile, spawn } from "node:child_process";
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.js";
import { temporaryFolder, writeFiles } from "./tmp.js";

const run = promisify(execFile);

/** A real ssh server on 127.0.0.1 with a key that nobody else has. */
export interface Sshd {
  readonly user: string;
  readonly port: number;
  /** For PATH: its `ssh` has the key and knows the server, as a user's own settings would have it. */
  readonly path: string;
  /** The same for a client that the server does not know. */
  readonly strangerPath: string;
  close(): Promise<void>;
}

/** @param env of the sessions */
export async function startSshd(env: Readonly<Record<string, string>>): Promise<Sshd> {
  const folder = await temporaryFolder();
  const file = (name: string): string => join(folder, name);
  for (const name of ["host", "user", "stranger"]) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file(name)]);
  }
  await copyFile(file("user.pub"), file("authorized_keys"));
  const port = await freePort();
  const user = userInfo().username;
  const sets = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  await writeFiles(folder, {
    sshd_config: [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${file("host")}`,
      `AuthorizedKeysFile ${file("authorized_keys")}`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin yes",
      "PidFile none",
      `SetEnv ${sets.join(" ")}`,
      "",
    ].join("\n"),
  });
  // sshd run by root insists on this folder, which only its service makes.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true });
  const { stdout: hostKey } = await run("cat", [file("host.pub")]);
  await writeFiles(folder, { known_hosts: `[127.0.0.1]:${port} ${hostKey}` });
  const child = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", file("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("Server listening")) resolve();
    });
    child.on("exit", () => reject(new Error(`sshd ended: ${said}`)));
  });
  return {
    user,
    port,
    path: await clientFor(folder, "user", port),
    strangerPath: await clientFor(folder, "stranger", port),
    close: async () => {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill();
      await ended;
    },
  };
}

/** A folder with an `ssh` that reads our settings in the place of the user's own. */
async function clientFor(folder: string, key: string, port: number): Promise<string> {
  const bin = join(folder, `bin-${key}`);
  const settings = [
    // For addresses that have no room for it (`user@host:path`).
    `Port ${port}`,
    `IdentityFile ${join(folder, key)}`,
    "IdentitiesOnly yes",
    "BatchMode yes",
    `UserKnownHostsFile ${join(folder, "known_hosts")}`,
    "",
  ];
  await writeFiles(folder, {
    [`bin-${key}/config`]: settings.join("\n"),
    [`bin-${key}/ssh`]: `#!/bin/sh\nexec /usr/bin/ssh -F ${join(bin, "config")} "$@"\n`,
  });
  await chmod(join(bin, "ssh"), 0o755);
  return bin;
}
