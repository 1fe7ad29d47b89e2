/** Builds packages in a builder and brings them into the container that becomes the image. */
import { splitWords } from "tsbuildout/recipe";
import type { Building, BuildOptions } from "./gentoo-build-steps.js";
import { checkLanded, CHOSEN, gatherBuilds, overtaken, readIndex, readRecords } from "./gentoo-builds.js";
import { chrootOf, commandText, inside, type Chroot } from "./gentoo-chroot.js";
import { copyBetween } from "./gentoo-copy.js";
import { emerge } from "./gentoo-emerge.js";
import { execute, runScript, type Work } from "./gentoo-exec.js";
import { installedPackages } from "./gentoo-installed.js";
import { putLayout } from "./gentoo-inputs.js";
import { environmentOf } from "./gentoo-options.js";
import { cleanPackages, writePackageLines } from "./gentoo-packages.js";
import { hostPlatform } from "./gentoo-binfmt.js";
import { processorOf } from "./gentoo-platform.js";
import { createWork, removeWork, rightsConfig, startWork } from "./gentoo-work.js";

/** Runs a builder from its creation to its removal. -> the packages that are in the image now */
export async function buildPackages(context: Building, assembly: Work): Promise<readonly string[]> {
  const { options } = context;
  const builder: Work = { engine: assembly.engine, name: options["build-container"] };
  const chroot = await chrootFor(context, builder);
  await startBuilder(context, builder);
  await preparePortage(context, builder, chroot);
  await script(context, builder, "pre-build-script");
  await build(context, builder, { chroot, option: "build-dependencies" });
  await script(context, builder, "build-script");
  await build(context, builder, { chroot, option: "packages" });
  const packages = await installedPackages(context, builder, { chroot, atoms: options.packages });
  if (packages.length > 0) await installIntoRoot(context, builder, { chroot, packages });
  await script(context, builder, "post-build-script");
  await bringOver(context, builder, { assembly, chroot, packages });
  await removeWork(context, builder);
  return packages;
}

async function chrootFor(context: Building, builder: Work): Promise<Chroot> {
  const { options } = context;
  const { platform } = options;
  const name = platform
    ? processorOf(platform.text, platform)
    : ((await hostPlatform(builder.engine))?.machine ?? "x86_64");
  return chrootOf(
    {
      // Set to nothing is not the same as unset.
      chroot: context.text("chroot"),
      root: options.root,
      arch: options.arch ?? name,
      processor: options.processor ?? name,
      variant: options.variant,
      abi: options.abi,
    },
    splitWords,
  );
}

async function startBuilder(context: Building, builder: Work): Promise<void> {
  const { options } = context;
  const from = options["build-volumes-from"];
  await createWork(context, builder.engine, {
    name: builder.name,
    image: options["build-image"] ?? "",
    imageOption: "build-image",
    command: options["build-command"],
    tty: options.tty,
    host: { ...rightsConfig(options), ...(from.length > 0 ? { VolumesFrom: from } : {}) },
  });
  // Before it runs: then the engine has mounted nothing over /etc/hosts and its like.
  await putLayout(context, builder, { layout: options["build-layout"], uid: 0, gid: 0 });
  await startWork(context, builder);
}

async function preparePortage(context: Building, builder: Work, chroot: Chroot): Promise<void> {
  const { options } = context;
  const lines = {
    accept_keywords: options["accept-keywords"],
    mask: options.mask,
    unmask: options.unmask,
    use: options.use,
  };
  await writePackageLines(context, builder, { chroot, lines });
  // A builder that builds nothing may have no Portage at all.
  if (options.packages.length + options["build-dependencies"].length > 0)
    await cleanPackages(context, builder, chroot);
}

async function script(
  context: Building,
  builder: Work,
  option: "pre-build-script" | "build-script" | "post-build-script",
): Promise<void> {
  const { options } = context;
  await runScript(context, builder, {
    option,
    text: options[option],
    shell: options[`${option}-shell`],
    user: options[`${option}-user`],
  });
}

interface Build {
  readonly chroot: Chroot;
  readonly option: "packages" | "build-dependencies";
}

async function build(context: Building, builder: Work, { chroot, option }: Build): Promise<void> {
  const { options } = context;
  const atoms = options[option];
  if (atoms.length === 0) return;
  await emerge(context, builder, {
    chroot,
    words: ["-kb", "--binpkg-respect-use=y", ...emergeWords(options), ...atoms],
    env: emergeEnvironment(context),
    option,
  });
}

function emergeWords(options: BuildOptions): string[] {
  return [
    ...(options.binhost ? ["--getbinpkg"] : []),
    ...(options.jobs === undefined ? [] : [`--jobs=${options.jobs}`]),
    ...options["emerge-options"],
  ];
}

function emergeEnvironment({ options, env }: Building): string[] {
  return [
    ...(options.binhost ? [`PORTAGE_BINHOST=${options.binhost}`] : []),
    ...environmentOf(options["build-env"], env),
  ];
}

interface Landing {
  readonly chroot: Chroot;
  readonly packages: readonly string[];
}

/**
 * Installs just the builds that are installed in the chroot. Portage itself would take the newest build of a version even
 * where package.use asks for an older one: then the right ones are put where it finds no others.
 */
async function installIntoRoot(
  context: Building,
  builder: Work,
  { chroot, packages }: Landing,
): Promise<void> {
  const wanted = await readRecords(context, builder, { chroot, root: "/", packages });
  const index = await readIndex(context, builder, chroot);
  const builds = index?.builds ?? [];
  const older = packages.some((cpv) => overtaken(cpv, wanted.get(cpv) ?? NOTHING, builds));
  const chosen = older
    ? packages.flatMap((cpv) => {
        const build = overtaken(cpv, wanted.get(cpv) ?? NOTHING, builds) ?? newest(builds, cpv);
        return build ? [build] : [];
      })
    : [];
  if (older && index) await gatherBuilds(context, builder, { chroot, index, chosen });
  await emerge(context, builder, {
    chroot,
    assignments: [...(older ? [`PKGDIR=${CHOSEN}`] : []), `ROOT=${chroot.innerRoot}`],
    words: ["-OK", ...packages.map((cpv) => `=${cpv}`)],
    env: emergeEnvironment(context),
    option: "packages",
  });
  const landed = await readRecords(context, builder, { chroot, root: chroot.innerRoot, packages });
  checkLanded(wanted, landed);
  await reportConflicts(context, builder, chroot);
}

const NOTHING = { buildId: undefined, use: undefined };

function newest<B extends { readonly cpv: string; readonly buildId: number }>(
  builds: readonly B[],
  cpv: string,
): B | undefined {
  return builds.filter((one) => one.cpv === cpv).sort((a, b) => b.buildId - a.buildId)[0];
}

/** Portage keeps a file of /etc that is there already and puts the new one beside it, where nobody would look for it. */
async function reportConflicts(context: Building, builder: Work, chroot: Chroot): Promise<void> {
  const text = commandText(["find", `${chroot.innerRoot}/etc`, "-name", "._cfg????_*"]);
  const done = await execute(context, builder, { cmd: inside(chroot, text), log: false });
  const files = done.code === 0 ? done.stdout.split("\n").filter((line) => line.includes("/._cfg")) : [];
  if (files.length > 0)
    context.warn({
      code: "gentoo/config-kept",
      message:
        "packages brought configuration files that others had brought before: the first ones are in the image",
      notes: files,
      help: ["merge them in post-build-script"],
    });
}

interface Bringing {
  readonly assembly: Work;
  readonly chroot: Chroot;
  readonly packages: readonly string[];
}

/** A folder of packages that nobody asked for may not exist; whatever a script put there is copied. */
async function bringOver(
  context: Building,
  builder: Work,
  { assembly, chroot, packages }: Bringing,
): Promise<void> {
  await copyBetween(context, {
    from: builder,
    to: assembly,
    paths: { from: `${chroot.root}/`, to: "/" },
    optional: packages.length === 0,
    option: "packages",
  });
  for (const paths of context.options.copy)
    await copyBetween(context, { from: builder, to: assembly, paths, optional: false, option: "copy" });
}
