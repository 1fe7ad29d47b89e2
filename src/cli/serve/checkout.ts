import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Push } from "./webhook.js";

export interface CheckoutSettings {
  /** The buildout's folder, in a clone of the repository whose pushes are told of. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** A clone of the repository of its own, so that a push never touches what somebody is working on. It stays from one
 *  push to the next, with its installed-state file. */
export class Checkout {
  readonly #settings: CheckoutSettings;
  readonly #root: string;

  constructor(settings: CheckoutSettings) {
    this.#settings = settings;
    this.#root = join(settings.directory, ".tsbuildout", "checkout");
  }

  /** Brings the checkout to a pushed commit. @returns the buildout's folder in it */
  async take({ after }: Push): Promise<string> {
    const origin = await this.#git(this.#settings.directory, ["remote", "get-url", "origin"]);
    if (!existsSync(join(this.#root, ".git"))) await this.#clone(origin);
    // The address is our own remote's, never the delivery's. A branch that has gone may be another one's folder by now.
    const branches = "+refs/heads/*:refs/remotes/origin/*";
    await this.#own(["fetch", "--no-tags", "--prune", "origin", branches]);
    await this.#own(["checkout", "--force", "--detach", after]);
    return (await this.place())!;
  }

  /** Is there when it is whole. */
  async #clone(origin: string): Promise<void> {
    const unfinished = `${this.#root}.new`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(dirname(unfinished), { recursive: true });
    await this.#git(this.#settings.directory, ["clone", "--no-checkout", "--", origin, unfinished]);
    await rename(unfinished, this.#root);
  }

  /** The buildout's folder in the checkout; undefined where there was no push yet. */
  async place(): Promise<string | undefined> {
    if (!existsSync(join(this.#root, ".git"))) return undefined;
    return join(this.#root, await this.#git(this.#settings.directory, ["rev-parse", "--show-prefix"]));
  }

  /** Whether the checkout has a commit: one that a forced push has taken off the branch may be gone. */
  async has(commit: string): Promise<boolean> {
    try {
      await this.#own(["cat-file", "-e", `${commit}^{commit}`]);
      return true;
    } catch {
      return false;
    }
  }

  /** The branch that the buildout's folder is on. */
  async branch(): Promise<string> {
    return await this.#git(this.#settings.directory, ["rev-parse", "--abbrev-ref", "HEAD"]);
  }

  /** In the checkout and nowhere else: by itself git looks further up, and there somebody's own clone is around it. */
  async #own(args: readonly string[]): Promise<string> {
    const here = [`--git-dir=${join(this.#root, ".git")}`, `--work-tree=${this.#root}`];
    return await this.#git(this.#root, [...here, ...args]);
  }

  async #git(cwd: string, args: readonly string[]): Promise<string> {
    const { execa } = await import("execa");
    const { env, signal } = this.#settings;
    const options = {
      cwd,
      env: { ...env, GIT_TERMINAL_PROMPT: "0" },
      extendEnv: false,
      cancelSignal: signal,
    };
    return (await execa("git", args, options)).stdout.trim();
  }
}
