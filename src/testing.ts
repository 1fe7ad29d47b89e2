/** For tests of recipes: a buildout in a temporary folder, with every event kept. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Buildout, type InstallOptions, type Plan, type UninstallOptions } from "./engine/buildout.js";
import type { Recipe } from "./engine/contract.js";
import type { Event, Summary } from "./engine/events.js";
import { requireRecipe } from "./engine/recipe-shape.js";
import type { StoredRecord } from "./engine/state.js";
import { StateStore } from "./engine/store.js";
import { recipes as builtin } from "./recipes/index.js";

/** What a buildout for a test is made of. */
export interface TestSettings {
  /** The text of buildout.cfg; `write` changes it later. */
  readonly config: string;
  /** Recipes under test, by the name that the configuration gives them; the built-in ones are there as well. */
  readonly recipes?: Readonly<Record<string, Recipe>>;
  /** The whole environment of the runs; the test's own unless said. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Further files, by path below the folder. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A buildout of its own. Always `dispose` of it: `await using buildout = await testBuildout(…)` does. */
export class TestBuildout implements AsyncDisposable {
  /** Absolute. */
  readonly directory: string;
  /** All events since the beginning, or since `events.length = 0`. */
  readonly events: Event[] = [];
  readonly #settings: TestSettings;

  constructor(directory: string, settings: TestSettings) {
    this.directory = directory;
    this.#settings = settings;
  }

  async write(config: string): Promise<void> {
    await writeFile(join(this.directory, "buildout.cfg"), config);
  }

  /** Removes a file or folder below the folder. */
  async remove(path: string): Promise<void> {
    await rm(join(this.directory, path), { recursive: true, force: true });
  }

  /** The names in the folder. */
  async list(): Promise<string[]> {
    return (await readdir(this.directory)).sort();
  }

  /** @param file the configuration; any but `buildout.cfg` is one of `files` */
  open(assignments: readonly string[] = [], file = "buildout.cfg"): Buildout {
    const made = Object.entries(this.#settings.recipes ?? {}).map(([name, recipe]) => {
      requireRecipe(name, recipe);
      return [name, async () => ({ default: recipe })] as const;
    });
    return new Buildout({
      file,
      cwd: this.directory,
      assignments,
      env: this.#settings.env ?? process.env,
      home: join(this.directory, "home"),
      recipes: { ...builtin, ...Object.fromEntries(made) },
    });
  }

  /** Every failed part's message is in `summary.parts`; configuration errors are thrown. */
  async install(options: InstallOptions = {}): Promise<Summary> {
    return await this.open().install({ jobs: 1, report: (event) => this.events.push(event), ...options });
  }

  async uninstall(options: UninstallOptions = { all: true }): Promise<Summary> {
    return await this.open().uninstall({ jobs: 1, report: (event) => this.events.push(event), ...options });
  }

  async plan(options: InstallOptions = {}): Promise<Plan> {
    return await this.open().plan(options);
  }

  /** What is recorded as installed (empty where nothing is). */
  async records(): Promise<ReadonlyMap<string, StoredRecord>> {
    return StateStore.open(join(this.directory, ".installed.cfg")).state.records;
  }

  /** The lines that parts have logged. */
  log(part?: string): string[] {
    return this.events.flatMap((event) =>
      event.type === "part-log" && (part === undefined || event.part === part) ? [event.line] : [],
    );
  }

  /** `install web`, `uninstall db`, …: what was begun, in order. */
  begun(): string[] {
    return this.events.flatMap((event) =>
      event.type === "part-started" ? [`${event.action} ${event.part}`] : [],
    );
  }

  async dispose(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** Makes a folder with the configuration and the files. */
export async function testBuildout(settings: TestSettings): Promise<TestBuildout> {
  const directory = await mkdtemp(join(tmpdir(), "tsbuildout-"));
  const buildout = new TestBuildout(directory, settings);
  await buildout.write(settings.config);
  for (const [path, text] of Object.entries(settings.files ?? {})) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return buildout;
}
