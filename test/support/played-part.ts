import { expect } from "chai";
import { ask } from "./config.js";
import { type Play, type Played, playedEngine } from "./played-engine.js";
import type { Files } from "./tmp.js";

/** A part, what an engine that is only played says to it, and the whole of what a user sees of that. */
export interface Example extends Play {
  /** The code, and after a colon what tells it from others of the same code. */
  readonly name: string;
  /** Of the part `web`. */
  readonly part: string;
  readonly files?: Files;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** 1: the part failed; 0: it is a warning. */
  readonly code?: number;
  readonly text: string;
}

const bare = { Id: "sha256:1", Config: {}, RootFS: {} };
export const image = { "GET /images/x/json": bare, "GET /images/sha256%3A1/json": bare };

/** A container `c1` that the image `x` gives. */
export function container(state: object = {}, config: object = {}): Readonly<Record<string, Played>> {
  const running = { Status: "running", Running: true, ExitCode: 0, FinishedAt: "0001-01-01T00:00:00Z" };
  const answer = {
    Id: "c1",
    Name: "/web",
    Image: "sha256:1",
    State: { ...running, ...state },
    Config: { Tty: true, ...config },
    HostConfig: {},
    NetworkSettings: { Networks: {} },
  };
  return {
    ...image,
    "POST /containers/create": [201, { Id: "c1", Warnings: [] }],
    "GET /containers/c1/json": answer,
  };
}

/** Installs the part on the engine that is played. @returns the message as it stands on standard error, and the exit code */
export async function said(example: Omit<Example, "name" | "text">): Promise<{ code: number; text: string }> {
  const { part, files = {}, args = ["install"], env, code: _, ...play } = example;
  const { url, close } = await playedEngine(play);
  try {
    const cfg = `[buildout]\nparts = web\n[web]\n${part}\n`;
    const asked = { args, env: { DOCKER_HOST: url, ...env } };
    const { code, stderr } = await ask({ "buildout.cfg": cfg, ...files }, asked);
    return { code, text: stderr };
  } finally {
    await close();
  }
}

/** A test for each. */
export function says(examples: readonly Example[]): void {
  for (const { name, text, ...example } of examples)
    it(`says exactly ${name}`, async () => {
      expect(await said(example)).to.deep.equal({ code: example.code ?? 1, text: `${text}\n` });
    });
}
