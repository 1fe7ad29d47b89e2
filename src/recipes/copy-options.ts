import { option, OptionValueError, splitLines, splitWords } from "tsbuildout/recipe";
import { engineOptions } from "./common.js";
import { parseOwner } from "./owner.js";

/** One line of `paths`. */
export interface CopyLine {
  readonly path: string;
  /** The same path unless said. */
  readonly target: string | undefined;
}

function parsePaths(text: string): readonly CopyLine[] {
  return splitLines(text).map((line) => {
    const [path = "", target, ...more] = wordsOf(line);
    if (path === "" || more.length > 0)
      throw new OptionValueError(`"${line}" is not a path, or a path and what it becomes`, [
        "put names with blanks into quotes",
      ]);
    return { path, target };
  });
}

function wordsOf(line: string): string[] {
  try {
    return splitWords(line);
  } catch (error) {
    throw new OptionValueError((error as Error).message, ["close the quotation"]);
  }
}

/** The engine's options once more for one side, where the two are on different engines. */
const url = (where: string) =>
  option.string({ doc: `Address of the engine that has ${where}. Default: the part's engine.` });
const verify = (where: string) =>
  option.boolean({ doc: `\`engine-tls-verify\` for the engine that has ${where}.` });
const certificates = (where: string) =>
  option.path({ doc: `\`engine-tls-cert-path\` for the engine that has ${where}.` });
const named = (where: string) => option.string({ doc: `Docker context of the engine that has ${where}.` });
const machine = (where: string) => option.string({ doc: `Machine whose engine has ${where}.` });

const sideOptions = {
  "engine-url-from": url("the source"),
  "engine-tls-verify-from": verify("the source"),
  "engine-tls-cert-path-from": certificates("the source"),
  "context-from": named("the source"),
  "machine-name-from": machine("the source"),
  "engine-url-to": url("the target"),
  "engine-tls-verify-to": verify("the target"),
  "engine-tls-cert-path-to": certificates("the target"),
  "context-to": named("the target"),
  "machine-name-to": machine("the target"),
};

export const copyOptions = {
  "container-from": option.string({ doc: "Container from which is copied, running or not." }),
  "image-from": option.string({ doc: "Image from which is copied, in place of a container." }),
  "path-from": option.path({
    doc: "Folder of the host from which is copied, in place of a container: it stands for a root.",
  }),
  platform: option.string({ doc: "Platform of that image, for example `linux/arm64`." }),
  "container-to": option.string({ doc: "Container into which is copied, running or not." }),
  "path-to": option.path({
    doc: "Folder of the host into which is copied, in place of a container: it stands for a root.",
  }),
  paths: option.custom("paths", parsePaths, {
    doc: "What is copied, one a line: `/bin/sh` as itself, `/bin/sh /bin/bash` under another name, `/lib/` the content of a folder, `/etc /opt/` into a folder. Names with blanks stand in quotes.",
    required: true,
  }),
  uid: option.custom("integer", parseOwner, { doc: "Owner of what is copied. Default: each file's own." }),
  gid: option.custom("integer", parseOwner, { doc: "Group of what is copied. Default: each file's own." }),
  exclude: option.lines({
    doc: "Patterns, as in a .dockerignore file, of what is left out below each path.",
  }),
  "exact-times": option.boolean({
    doc: "Whether times are copied to the nanosecond from a container or an image. An engine leaves the nanoseconds out of its archives and tells them only path by path, while it gives no archive: asking takes about a millisecond for each entry, and reading a folder of more than 16 MiB a second time. Default: for single files, and for folders of up to 1,000 entries and 16 MiB; elsewhere times are whole seconds, as with `docker cp`, and a note says so.",
  }),
  ...engineOptions,
  ...sideOptions,
};

export type CopySchema = typeof copyOptions;
