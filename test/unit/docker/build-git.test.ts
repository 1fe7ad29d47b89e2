import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, readdir, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { mock } from "node:test";
import { checkoutGit, resolveGit } from "../../../src/docker/build-git.js";
import { problemOf } from "../../support/problem.js";
import { contentOf, temporaryFolder, writeFiles } from "../../support/tmp.js";

const unanswered = (url: string): string => `git ls-remote failed: ${url} has not answered in 60 seconds`;

describe("a git repository whose server does not answer", () => {
  it("is not waited for when the run is told to stop, nor is the ssh that git has started", async () => {
    const script = `#!/bin/sh\necho "$GIT_TERMINAL_PROMPT $LC_ALL $*" > "$0.asked"\necho $$ > "$0.pid"\nexec sleep 1000\n`;
    const folder = await temporaryFolder({ ssh: script });
    await chmod(join(folder, "ssh"), 0o755);
    const abort = new AbortController();
    const env = { PATH: process.env["PATH"], HOME: folder, GIT_SSH: join(folder, "ssh") };
    const source = {
      kind: "git",
      url: "ssh://git@r.example/x.git",
      ref: undefined,
      folder: undefined,
    } as const;
    const asked = resolveGit(source, { env, signal: abort.signal });
    const pid = Number(await contentOf(join(folder, "ssh.pid")));
    abort.abort(new Error("enough"));
    expect(
      readFileSync(join(folder, "ssh.asked"), "utf8"),
      "nobody types, and everybody reads English",
    ).to.match(/^0 C .*git@r\.example .*x\.git/);
    try {
      expect(await asked.catch((error: Error) => error.message)).to.equal("enough");
    } finally {
      try {
        process.kill(pid);
      } catch {
        // This git has ended it.
      }
    }
  });

  it("is given up after a minute, by ssh and git's own protocol", async () => {
    const folder = await temporaryFolder({ ssh: `#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 1000\n` });
    await chmod(join(folder, "ssh"), 0o755);
    const env = { PATH: process.env["PATH"], HOME: folder, GIT_SSH: join(folder, "ssh") };
    const silent = createTcpServer();
    const sockets: Socket[] = [];
    const reached = new Promise<void>((resolve) =>
      silent.once("connection", (socket) => {
        sockets.push(socket);
        resolve();
      }),
    );
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const deadlines: (readonly [number, AbortController])[] = [];
    mock.method(AbortSignal, "timeout", (patience: number) => {
      const deadline = new AbortController();
      deadlines.push([patience, deadline]);
      return deadline.signal;
    });
    const asking = async (url: string, isAsked: Promise<unknown>): Promise<unknown> => {
      const source = { kind: "git", url, ref: "main", folder: undefined } as const;
      const failed = problemOf(
        async () => await resolveGit(source, { env, signal: new AbortController().signal }),
      );
      await isAsked;
      const [patience, deadline] = deadlines.pop() ?? [];
      deadline?.abort();
      expect(patience).to.equal(60_000);
      return await failed;
    };
    try {
      const own = `git://127.0.0.1:${(silent.address() as AddressInfo).port}/x.git`;
      expect(await asking(own, reached)).to.deep.equal({
        code: "build/git",
        message: unanswered(own),
        option: "source",
      });
      const pid = contentOf(join(folder, "ssh.pid"));
      expect(await asking("git@r.example:x.git", pid)).to.include({
        message: unanswered("git@r.example:x.git"),
      });
      // Most versions of git have ended it.
      const left = Number(await pid);
      if (existsSync(`/proc/${left}`)) process.kill(left);
    } finally {
      mock.restoreAll();
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  it("is given up by ssh, in the midst of a fetch, unless the user has told git of another one", async () => {
    const told = `#!/bin/sh\necho "$*" > "$HOME/asked"\nexit 1\n`;
    const home = await temporaryFolder({ "bin/ssh": told, "bin/other": told });
    for (const name of ["ssh", "other"]) await chmod(join(home, "bin", name), 0o755);
    const source = { kind: "git", url: "git@r.example:x.git", ref: undefined, folder: undefined } as const;
    const asked = async (more: Readonly<Record<string, string>>): Promise<string> => {
      const env = { PATH: `${join(home, "bin")}:${process.env["PATH"]}`, HOME: home, ...more };
      const given = { cwd: await temporaryFolder({}), env, signal: new AbortController().signal };
      await problemOf(async () => await checkoutGit(source, "0".repeat(40), given));
      return await contentOf(join(home, "asked"));
    };
    const patient = /^-o ServerAliveInterval=15 -o ServerAliveCountMax=4 .*git@r\.example .*x\.git/;
    expect(await asked({})).to.match(patient);
    for (const own of ["GIT_SSH", "GIT_SSH_COMMAND"])
      expect(await asked({ [own]: join(home, "bin/other") }), own).not.to.contain("ServerAlive");
    await writeFiles(home, { ".gitconfig": `[core]\n  sshCommand = ${join(home, "bin/other")}\n` });
    expect(await asked({}), "core.sshCommand").not.to.contain("ServerAlive");
  });

  it("is not asked by a git that is killed, or whose words have no end", async () => {
    const source = { kind: "git", url: "ssh://r/x.git", ref: undefined, folder: undefined } as const;
    for (const [does, why] of [
      ["kill -9 $$", "it was ended by SIGKILL"],
      ["cat /dev/zero", "what it says has no end"],
      ["cat /dev/zero >&2", "what it says has no end"],
    ] as const) {
      const bin = await temporaryFolder({ git: `#!/bin/sh\n${does}\n` });
      await chmod(join(bin, "git"), 0o755);
      const env = { PATH: `${bin}:${process.env["PATH"]}`, HOME: bin };
      const problem = await problemOf(() =>
        resolveGit(source, { env, signal: new AbortController().signal }),
      );
      const message = `git ls-remote failed: ${why}`;
      expect(problem).to.deep.equal({ code: "build/git", message, option: "source" });
    }
  });

  it("is waited for as long as git is told to, or else for a minute, by HTTP", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/x.git`;
    // Its limit is ours.
    const env = { PATH: process.env["PATH"], HOME: await temporaryFolder(), GIT_HTTP_LOW_SPEED_TIME: "1" };
    const source = { kind: "git", url, ref: undefined, folder: undefined } as const;
    const { signal } = new AbortController();
    try {
      const slow = "Operation too slow. Less than 1 bytes/sec transferred the last 1 seconds";
      expect(await problemOf(async () => await resolveGit(source, { env, signal }))).to.include({
        message: `git ls-remote failed: fatal: unable to access '${url}/': ${slow}`,
      });
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });
});

describe("git", () => {
  it("is not there", async () => {
    const env = { PATH: await temporaryFolder() };
    const source = {
      kind: "git",
      url: "https://r.example/x.git",
      ref: undefined,
      folder: undefined,
    } as const;
    const at = { env, signal: new AbortController().signal };
    expect(await problemOf(async () => await resolveGit(source, at))).to.deep.equal({
      code: "build/git",
      message: "the program git was not found",
      help: ["install git"],
      option: "source",
    });
    const commit = "0123456789".repeat(4);
    expect(await resolveGit({ ...source, ref: commit }, at), "nor needed where a commit is named").to.equal(
      commit,
    );
  });
});

describe("a working copy of a git repository", () => {
  let folder: string;
  let url: string;
  const env = (): Record<string, string | undefined> => ({
    PATH: process.env["PATH"],
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: "1",
  });
  const git = (name: string, ...args: string[]): string =>
    execFileSync("git", ["-C", join(folder, name), ...args], { env: env(), encoding: "utf8" }).trim();
  const repository = async (name: string, fill: () => Promise<unknown>): Promise<void> => {
    await mkdir(join(folder, name));
    git(name, "init", "-q", "-b", "main");
    await fill();
    git(name, "add", "-A");
    git(name, "commit", "-qm", "all of it");
  };
  before(async () => {
    // Submodules in folders are off unless they are asked for.
    folder = await temporaryFolder({
      ".gitconfig": '[user]\nname = t\nemail = t@example.org\n[protocol "file"]\nallow = always\n',
    });
    await repository("deep.git", async () => await writeFiles(join(folder, "deep.git"), { below: "it all" }));
    await repository("part.git", async () => {
      await writeFiles(join(folder, "part.git"), { of: "a part" });
      git("part.git", "submodule", "--quiet", "add", "../deep.git", "deep");
    });
    await repository("plain.git", async () => await writeFiles(join(folder, "plain.git"), { first: "" }));
    await writeFiles(join(folder, "plain.git"), { second: "" });
    git("plain.git", "add", "second");
    git("plain.git", "commit", "-qm", "second");
    await repository("whole.git", async () => {
      await writeFiles(join(folder, "whole.git"), { "sub/f": "of sub" });
      await symlink("sub", join(folder, "whole.git/inside"));
      await symlink("/", join(folder, "whole.git/outside"));
      git("whole.git", "submodule", "--quiet", "add", "../part.git", "part");
    });
    git("whole.git", "tag", "-am", "v1", "v1");
    url = `file://${folder}/whole.git`;
  });
  const copied = async (ref: string | undefined, below?: string): Promise<string[]> => {
    const at = { env: env(), signal: new AbortController().signal };
    const source = { kind: "git", url, ref, folder: below } as const;
    const commit = await resolveGit(source, at);
    expect(commit, ref).to.equal(git("whole.git", "rev-parse", "main"));
    return await readdir(await checkoutGit(source, commit, { ...at, cwd: await temporaryFolder() }));
  };

  it("has its submodules, those at a relative address too", async () => {
    expect(await copied("main")).to.have.members([".gitmodules", "inside", "outside", "part", "sub"]);
    expect(await copied("main", "part")).to.include("of");
    expect(await copied("main", "part/deep")).to.include("below");
  });

  it("is that of an older commit, also of a server that gives none by itself, and by its first digits", async () => {
    const commit = git("plain.git", "rev-parse", "HEAD^");
    const heard: string[] = [];
    const at = { env: env(), signal: new AbortController().signal, log: (line: string) => heard.push(line) };
    for (const ref of [commit, commit.slice(0, 9)]) {
      const source = { kind: "git", url: `file://${folder}/plain.git`, ref, folder: undefined } as const;
      expect(await resolveGit(source, at)).to.equal(ref);
      const copy = await checkoutGit(source, ref, { ...at, cwd: await temporaryFolder() });
      expect(await readdir(copy), ref).to.deep.equal(["first"]);
    }
    expect(heard, "of what is got another way").to.deep.equal([]);
  });

  it("says no more than what goes wrong", async () => {
    const heard: string[] = [];
    const at = { env: env(), signal: new AbortController().signal, log: (line: string) => heard.push(line) };
    const source = { kind: "git", url, ref: undefined, folder: undefined } as const;
    await checkoutGit(source, await resolveGit(source, at), { ...at, cwd: await temporaryFolder() });
    expect(heard).to.deep.equal([]);
    const nowhere = { ...source, url: `file://${folder}/none.git` };
    await resolveGit(nowhere, at).catch(() => undefined);
    expect(heard[0]).to.contain("none.git' does not appear to be a git repository");
    expect(heard.every((line) => line.trim() !== "")).to.equal(true);
  });

  it("is that of a commit, whatever names it", async () => {
    for (const ref of [undefined, "v1", "refs/tags/v1", "refs/heads/main"])
      expect(await copied(ref, "sub"), ref).to.deep.equal(["f"]);
  });

  it("gives a folder behind a link within it, and none of the machine's", async () => {
    expect(await copied("main", "inside")).to.deep.equal(["f"]);
    const message = await copied("main", "outside/etc").catch((error: Error) => error.message);
    expect(message).to.equal(`${url} has no folder "outside/etc"`);
    const file = await copied("main", "sub/f").catch((error: Error) => error.message);
    expect(file).to.equal(`${url} has no folder "sub/f"`);
  });
});

describe("a git repository behind a password", () => {
  const password = "p a%s:w@rd/\\t\\";
  let folder: string;
  let url: string;
  let server: Server;
  /** Command lines of this machine's programs with the password in them, while the server was asked. */
  const seen: string[] = [];
  /** What a setting of the user's makes git send along. */
  const headers = new Set<unknown>();
  before(async () => {
    folder = await temporaryFolder({ f: "1", ".git-credentials": "" });
    const git = (...args: string[]): string =>
      execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
        encoding: "utf8",
      });
    git("init", "-q", "-b", "main");
    git("add", "f");
    git("commit", "-qm", "one");
    git("update-server-info");
    const login = `Basic ${Buffer.from(`me@home:${password}`).toString("base64")}`;
    server = createServer((request, response) => {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) seen.push(...leaking(pid));
      headers.add(request.headers["x-mine"]);
      const { pathname } = new URL(request.url ?? "", "http://x");
      const path = join(folder, ".git", pathname.replace("/x.git", ""));
      if (request.headers.authorization !== login)
        response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end();
      else if (existsSync(path)) response.end(readFileSync(path));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `127.0.0.1:${(server.address() as AddressInfo).port}/x.git`;
  });
  after(() => void server.close());

  const leaking = (pid: string): string[] => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return [password, encodeURIComponent(password)].some((text) => line.includes(text)) ? [line] : [];
    } catch {
      return []; // It has ended.
    }
  };
  const copied = async (login: string): Promise<string[]> => {
    const env = {
      PATH: process.env["PATH"],
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "http.extraHeader",
      GIT_CONFIG_VALUE_0: "X-Mine: yes",
    };
    const heard: string[] = [];
    const at = { env, signal: new AbortController().signal, log: (line: string) => heard.push(line) };
    const source = { kind: "git", url: `http://${login}@${url}`, ref: undefined, folder: undefined } as const;
    const commit = await resolveGit(source, at);
    const copy = await readdir(await checkoutGit(source, commit, { ...at, cwd: await temporaryFolder() }));
    expect(heard, "of a server that knows nothing of git").to.deep.equal([]);
    return copy;
  };

  it("is fetched with that of its address, which no command line shows", async () => {
    await writeFiles(folder, {
      ".gitconfig": `[credential]\nhelper = "!echo username=other; echo password=other; :"\n`,
    });
    expect(await copied(`me%40home:${encodeURIComponent(password)}`)).to.deep.equal(["f"]);
    expect(seen).to.deep.equal([]);
    expect([...headers], "with the settings of the environment").to.deep.equal(["yes"]);
  });

  it("is fetched with the user's own helper, where the address has only a name", async () => {
    const written = password.replaceAll("\\", "\\\\");
    await writeFiles(folder, {
      ".gitconfig": `[credential]\nhelper = "!printf '%s\\\\n' 'password=${written}'; :"\n`,
    });
    expect(await copied("me%40home")).to.deep.equal(["f"]);
  });

  it("says that the password is wrong", async () => {
    const message = await copied("me%40home:wrong").catch((error: Error) => error.message);
    expect(message).to.equal(`git ls-remote failed: fatal: Authentication failed for 'http://${url}/'`);
  });
});
