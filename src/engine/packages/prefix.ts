import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { RecipeLoadError } from "./error.js";
import { readManifest } from "./manifest.js";
import { runNpm } from "./npm.js";
import { ownPackage } from "./self.js";

/** How packages of recipes are chosen; the names are zc.buildout's. */
export interface PackageSettings {
  /** The buildout's. */
  readonly directory: string;
  /** `.tsbuildout/packages`: npm's own folder for what the buildout file names. */
  readonly prefix: string;
  /** `[versions]`: package -> version or range (https://docs.npmjs.com/about-semantic-versioning). */
  readonly versions: ReadonlyMap<string, string>;
  /** Look for newer versions that fit, of packages that are there already. */
  readonly newest: boolean;
  readonly offline: boolean;
  /** `allow-picked-versions`: whether a package may do without an entry in `[versions]`. */
  readonly allowPicked: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Packages that the buildout does not have itself, installed by npm into a folder of its own with a lockfile. */
export class PackagePrefix {
  /** Chosen without an entry in `[versions]`: package -> version. */
  readonly picked = new Map<string, string>();
  readonly #settings: PackageSettings;
  #last: Promise<unknown> = Promise.resolve();

  constructor(settings: PackageSettings) {
    this.#settings = settings;
  }

  /** The package's folder, once it is there in a version that fits. @throws RecipeLoadError */
  async require(name: string): Promise<string> {
    // One npm at a time: two would write the same lockfile.
    const turn = this.#last.then(() => this.#require(name));
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  async #require(name: string): Promise<string> {
    const { versions, offline, newest, prefix } = this.#settings;
    const range = versions.get(name);
    if (range === undefined) this.#mayPick(name);
    const folder = join(prefix, "node_modules", name);
    const there = readManifest(folder)?.version;
    const fits = there !== undefined && (await satisfies(there, range));
    const exact = range !== undefined && (await isExact(range));
    if (!fits || (newest && !offline && !exact)) await this.#install(name, range, fits);
    const version = readManifest(folder)?.version;
    if (version === undefined)
      throw new RecipeLoadError("recipe/no-package", `npm has installed no package ${name}`);
    linkSelf(prefix);
    if (range === undefined) this.picked.set(name, version);
    return folder;
  }

  #mayPick(name: string): void {
    if (this.#settings.allowPicked) return;
    throw new RecipeLoadError(
      "recipe/picked-version",
      `[versions] says nothing of ${name}, and allow-picked-versions is false`,
      [`write ${name} = VERSION in [versions]`],
    );
  }

  async #install(name: string, range: string | undefined, fits: boolean): Promise<void> {
    const { prefix, offline, env, signal } = this.#settings;
    const wanted = range === undefined ? name : `${name}@${range}`;
    if (offline)
      throw new RecipeLoadError("recipe/offline", `${wanted} is not installed, and this run is offline`, [
        "run once without -o",
      ]);
    this.#prepare(name, range);
    // Peers are not installed: the one that matters is the tsbuildout that runs.
    const common = ["--legacy-peer-deps", "--no-progress", "--omit=dev"];
    try {
      await runNpm({
        args: [fits ? "update" : "install", ...common, ...(fits ? [name] : [])],
        cwd: prefix,
        env,
        signal,
        wanted,
      });
    } catch (error) {
      // What is there fits; that nobody can say whether there is something newer must not stop the run.
      if (fits && error instanceof RecipeLoadError && error.code === "recipe/registry") return;
      this.#forget(name);
      throw error;
    }
  }

  /** Writes npm's list of what is wanted; its lockfile holds what that means. */
  #prepare(name: string, range: string | undefined): void {
    const { prefix, directory } = this.#settings;
    mkdirSync(prefix, { recursive: true });
    const config = join(directory, ".npmrc");
    const copy = join(prefix, ".npmrc");
    // One that is no longer there must not go on choosing the registry, nor keep its token.
    if (existsSync(config)) copyFileSync(config, copy);
    else rmSync(copy, { force: true });
    const dependencies = { ...dependenciesOf(prefix), [name]: range ?? "*" };
    writeDependencies(prefix, dependencies);
  }

  /** A package that could not be had must not be asked for again with the next one. */
  #forget(name: string): void {
    const { prefix } = this.#settings;
    const { [name]: _, ...rest } = dependenciesOf(prefix);
    writeDependencies(prefix, rest);
  }
}

function dependenciesOf(prefix: string): Readonly<Record<string, string>> {
  return (readManifest(prefix) as { dependencies?: Record<string, string> } | undefined)?.dependencies ?? {};
}

function writeDependencies(prefix: string, dependencies: Readonly<Record<string, string>>): void {
  const manifest = { private: true, description: "Recipes of a buildout; kept by tsbuildout", dependencies };
  writeFileSync(join(prefix, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Recipes import the tsbuildout that runs them; npm takes the link away at each install, and an earlier run may have been
 *  another one's. A package that has a tsbuildout of its own keeps it: that is no link. */
function linkSelf(prefix: string): void {
  const link = join(prefix, "node_modules", "tsbuildout");
  const { folder } = ownPackage();
  const there = lstatSync(link, { throwIfNoEntry: false });
  if (there && (!there.isSymbolicLink() || readlinkSync(link) === folder)) return;
  rmSync(link, { force: true });
  symlinkSync(folder, link, "dir");
}

async function satisfies(version: string, range: string | undefined): Promise<boolean> {
  if (range === undefined) return true;
  const { default: fits } = await import("semver/functions/satisfies.js");
  return fits(version, range, { includePrerelease: true });
}

async function isExact(range: string): Promise<boolean> {
  const { default: valid } = await import("semver/functions/valid.js");
  return valid(range) !== null;
}

/** @throws RecipeLoadError where a package was written for another tsbuildout than this one */
export async function checkPeer(name: string, folder: string): Promise<void> {
  const manifest = readManifest(folder);
  const wanted = manifest?.peerDependencies?.["tsbuildout"];
  if (wanted === undefined || (await satisfies(ownPackage().version, wanted))) return;
  throw new RecipeLoadError(
    "recipe/peer-version",
    `${name} ${manifest?.version ?? ""} is written for tsbuildout ${wanted}, this is ${ownPackage().version}`,
    [`choose another version of ${name} in [versions], or of tsbuildout`],
  );
}
