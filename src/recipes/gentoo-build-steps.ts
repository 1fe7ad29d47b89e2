/** From a base, packages, files and a script to an image. */
import { inspectImage, type Engine, type ImageDetails } from "tsbuildout/docker";
import type { InstallContext, OptionsOf, PartRecord } from "tsbuildout/recipe";
import { engineOf, forgetListing, labelsOf } from "./common.js";
import { fetchArchives } from "./gentoo-archives.js";
import { needPlatform } from "./gentoo-binfmt.js";
import type { GentooBuildSchema } from "./gentoo-build-options.js";
import { buildPackages } from "./gentoo-builder.js";
import { commitBody, commitWork, type BaseConfig } from "./gentoo-commit.js";
import { runScript, type Work } from "./gentoo-exec.js";
import {
  announceImage,
  announceOwn,
  commentOf,
  dropImage,
  dropLeft,
  dropOthers,
  removalAt,
  temporaryName,
} from "./gentoo-image.js";
import { importImage } from "./gentoo-import.js";
import { putLayout } from "./gentoo-inputs.js";
import { environmentOf, imageName } from "./gentoo-options.js";
import { createWork, makeRoom, needImage, removeWork, rightsConfig, startWork } from "./gentoo-work.js";
import { noteReplaced } from "./image-remove.js";
import { recordOf } from "./spec-options.js";

export type Building = InstallContext<GentooBuildSchema>;
export type BuildOptions = OptionsOf<GentooBuildSchema>;

/** The packages in an image, `category/name-version`, between blanks. */
const PACKAGES_LABEL = "org.tsbuildout.packages";

interface Base {
  readonly image: ImageDetails;
  readonly temporary?: string;
}

/**
 * Builds the image under no name, and gives it its name when all is done.
 * @param record of the image that was there before
 */
export async function assemble(
  context: Building,
  record: PartRecord | undefined,
): Promise<Record<string, string>> {
  const engine = await engineOf(context);
  const { options } = context;
  const reference = imageName(options.name, options.tag);
  // Both images are looked for before hours go into the first step.
  if (options["build-image"]) await needImage(engine, options["build-image"], "build-image");
  const work: Work = { engine, name: options["assemble-container"] };
  await makeRoom(context, work);
  const base = await prepareBase(context, engine, reference);
  try {
    await prepareAssembly(context, work, base.image);
    const packages = options["build-image"] ? await buildPackages(context, work) : [];
    await putLayout(context, work, {
      layout: options.layout,
      uid: options["layout-uid"],
      gid: options["layout-gid"],
    });
    // Only now: while it runs, the engine has /etc/hosts and its like mounted over what packages and layouts bring.
    if (options.script?.trim()) await startWork(context, work);
    await runScript(context, work, {
      option: "script",
      text: options.script,
      shell: options["script-shell"],
      user: options["script-user"],
    });
    const replaced = await noteReplaced(context, removalAt(engine, record), { record, names: [reference] });
    const id = await commitImage(context, work, { reference, base: base.image, packages });
    await removeWork(context, work);
    if (base.temporary) await dropImage(context, engine, base.temporary);
    await dropOthers(context, engine, { replaced, now: id });
    await forgetListing(context, engine, "containers");
    return { "image-id": id, image: reference, "installed-packages": packages.join("\n") };
  } catch (error) {
    if (record) await undo(context, work, base.temporary);
    throw error;
  }
}

/** A failed install is undone by the engine; a failed update leaves what was there before, and nothing else. */
async function undo(context: Building, work: Work, temporary: string | undefined): Promise<void> {
  await removeWork(context, work);
  await removeWork(context, { ...work, name: context.options["build-container"] });
  if (temporary) await dropImage(context, work.engine, temporary);
}

async function prepareBase(context: Building, engine: Engine, reference: string): Promise<Base> {
  const { archives, "base-image": base, platform } = context.options;
  if (base) return { image: await needImage(engine, base, "base-image") };
  const fetched = await fetchArchives(context, archives, context.options["archives-key"]);
  const temporary = temporaryName(context, reference);
  await dropLeft(context, engine, temporary);
  await announceImage(context, temporary);
  try {
    const id = await importImage(context, {
      engine,
      archives: fetched,
      reference: temporary,
      labels: labelsOf(context),
      platform,
    });
    const image = await inspectImage(engine, id, context.signal);
    if (!image) throw new Error(`the engine lost the image ${id}`);
    return { image, temporary };
  } catch (error) {
    await dropImage(context, engine, temporary);
    throw error;
  }
}

async function prepareAssembly(context: Building, work: Work, base: ImageDetails): Promise<void> {
  const { options } = context;
  const { platform } = options;
  const from = options["volumes-from"];
  await createWork(context, work.engine, {
    name: work.name,
    image: base.Id,
    imageOption: "base-image",
    command: ["/bin/freeze"],
    tty: options.tty,
    arch: options["base-image"] ? undefined : platform?.arch,
    host: { ...rightsConfig(options), ...(from.length > 0 ? { VolumesFrom: from } : {}) },
  });
  if (platform)
    await needPlatform(context, {
      engine: work.engine,
      platform,
      option: "platform",
      image: options["build-image"] ?? base.Id,
      rights: options,
    });
}

interface Committing {
  readonly reference: string;
  readonly base: ImageDetails;
  readonly packages: readonly string[];
}

async function commitImage(context: Building, work: Work, what: Committing): Promise<string> {
  const { options } = context;
  context.progress({ step: "commit" });
  await announceOwn(context, work.engine, { reference: what.reference, option: "name" });
  const body = commitBody(
    {
      command: options.command.length > 0 ? options.command : undefined,
      // Set to nothing is not the same as unset.
      entrypoint: context.text("entrypoint") === undefined ? undefined : options.entrypoint,
      user: options.user,
      workdir: options.workdir,
      stopsignal: options.stopsignal,
      healthcheck: options.healthcheck,
      env: environmentOf(options.env, context.env),
      labels: { ...packageLabels(what), ...recordOf(options.labels), ...labelsOf(context) },
      expose: options.expose,
      volumes: options.volumes,
    },
    (what.base.Config ?? {}) as BaseConfig,
  );
  return await commitWork(work, {
    reference: what.reference,
    body,
    comment: commentOf(context),
    signal: context.signal,
  });
}

/** What the base has been given before is in the image too. */
function packageLabels({ base, packages }: Committing): Record<string, string> {
  const before = base.Config?.Labels?.[PACKAGES_LABEL]?.split(" ") ?? [];
  const all = [...new Set([...before, ...packages])].filter((one) => one !== "").sort();
  return all.length > 0 ? { [PACKAGES_LABEL]: all.join(" ") } : {};
}
