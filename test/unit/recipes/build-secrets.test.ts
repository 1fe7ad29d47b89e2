import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { checkSecrets, readSecrets } from "../../../src/recipes/build-secrets.js";
import { buildOptions, type Secret } from "../../../src/recipes/build-options.js";
import type { Context, Problem } from "../../../src/recipe.js";
import { problemOf } from "../../support/problem.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

const parsed = (text: string) => buildOptions.secrets.decode(text, { directory: "/", home: "/" });

describe("secrets of a build", () => {
  let folder: string;
  let pipe: string;
  let warned: Problem[];
  let hidden: string[];
  beforeEach(async () => {
    folder = await temporaryFolder();
    warned = [];
    hidden = [];
    pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
  });
  const warn = (problem: Problem): number => warned.push(problem);
  const hide = (text: string): number => hidden.push(text);
  const contextOf = (signal = new AbortController().signal): Context => {
    const env = { TOKEN: "from the environment", s: "by its own name" };
    const buildout = { directory: folder };
    const home = join(folder, "home");
    return { env, home, signal, buildout, warn, secret: hide } as unknown as Context;
  };
  const read = async (secret: Partial<Secret>, signal?: AbortSignal): Promise<string> => {
    const [[, value] = []] = await readSecrets(contextOf(signal), [{ id: "s", ...secret }]);
    return Buffer.from(value ?? []).toString();
  };
  const check = async (secret: Omit<Secret, "id">): Promise<string> =>
    await checkSecrets(contextOf(), [{ id: "s", ...secret }]).then(
      () => "there",
      (error: Error) => error.message,
    );
  const failure = async (secret: Omit<Secret, "id">): Promise<string> =>
    await read(secret).then(String, (error: Error) => error.message);

  it("come from a file, a variable, or a pipe that somebody writes to", async () => {
    await writeFile(join(folder, "file"), "from a file\n");
    expect(await read({ file: "file" })).to.equal("from a file\n");
    expect(await read({ variable: "TOKEN" })).to.equal("from the environment");
    expect(await read({})).to.equal("by its own name");
    const there = { "home/h": "at home", named: "a file of that name" };
    await writeFiles(folder, there);
    expect(await read({ file: "~/h" })).to.equal("at home");
    expect(await read({ id: "named" })).to.equal("a file of that name");
    const [said] = await Promise.all([read({ file: "pipe" }), writeFile(pipe, "x".repeat(100_000))]);
    expect(said).to.equal("x".repeat(100_000));
  });

  it("are shown by no log, neither whole nor line by line; short lines are, or nothing could be read", async () => {
    await writeFile(join(folder, "file"), "  first \n\nabc\n      \nfour\n");
    await read({ file: "file" });
    expect(hidden).to.deep.equal(["first \n\nabc\n      \nfour", "first", "four"]);
    hidden = [];
    await check({ variable: "TOKEN" });
    expect(hidden).to.include("from the environment");
  });

  it("are not waited for when the run is told to end and nobody writes to the pipe", async () => {
    const stop = new AbortController();
    const reading = read({ file: "pipe" }, stop.signal);
    stop.abort(new Error("not done within 4 seconds"));
    expect(await reading.catch((error: Error) => error.message)).to.equal("not done within 4 seconds");
  });

  it("that another program reads are looked for, and a pipe is left to it", async () => {
    expect(await check({ file: "pipe" })).to.equal("there");
    expect(await check({ variable: "TOKEN" })).to.equal("there");
    expect(await check({ file: "none" })).to.equal(
      `the secret "s" cannot be read: there is no file ${folder}/none`,
    );
    expect(await check({ file: "." })).to.equal(`the secret "s" cannot be read: ${folder} is a folder`);
    expect(await check({ variable: "NOT_SET" })).to.equal("there");
  });

  it("are no longer than BuildKit takes, whatever they come from", async () => {
    const tooLong = 'the secret "s" has more than 512000 bytes';
    expect(await failure({ file: "/dev/zero" })).to.equal(tooLong);
    await writeFile(join(folder, "file"), "x".repeat(512_001));
    expect(await failure({ file: "file" })).to.equal(tooLong);
    await writeFile(join(folder, "file"), "x".repeat(512_000));
    expect(await read({ file: "file" })).to.have.length(512_000);
  });

  it("say what is wrong with what they are to come from", async () => {
    expect(await failure({ file: "none" })).to.equal(
      `the secret "s" cannot be read: there is no file ${folder}/none`,
    );
    expect(await failure({ file: "." })).to.equal(`the secret "s" cannot be read: ${folder} is a folder`);
    const endless = "x".repeat(300);
    expect(await failure({ file: endless })).to.match(/^the secret "s" cannot be read: ENAMETOOLONG: /);
    expect(await problemOf(async () => await read({ id: "none" }))).to.deep.equal({
      code: "build/secret",
      message: `the secret "none" cannot be read: there is no file ${folder}/none`,
      option: "secrets",
    });
  });

  it("are empty where their variable is not set, as with buildx and Compose, and said to be", async () => {
    expect(await read({ variable: "NOT_SET" })).to.equal("");
    expect(warned).to.deep.equal([
      {
        code: "build/secret-empty",
        message: 'the secret "s" is empty: the variable NOT_SET is not set',
        help: ["set the variable, or leave the secret away"],
        option: "secrets",
      },
    ]);
  });

  it("are written as buildx has them written", () => {
    for (const [text, secret] of [
      ["id=a,src=f", { id: "a", file: "f" }],
      ["type=file,id=a,source=d/f", { id: "a", file: "d/f" }],
      ["src=d/f", { id: "f", file: "d/f" }],
      ["id=a", { id: "a" }],
      ["id=a,env=V", { id: "a", variable: "V" }],
      ["type=env,id=A", { id: "A", variable: "A" }],
      ["type=env,id=a,src=V", { id: "a", variable: "V" }],
    ] as const)
      expect(parsed(text), text).to.deep.equal([secret]);
    for (const text of ["type=pipe,id=a", "id=a,file=f", "env="])
      expect(() => parsed(text), text).to.throw(`"${text}" is not a secret`);
  });
});
