import { parseVolume } from "tsbuildout/docker";
import { option } from "tsbuildout/recipe";
import { engineOptions } from "./common.js";
import { archivesOption } from "./gentoo-archive-lines.js";
import { platformOption, rightsOptions } from "./gentoo-options.js";
import { linesOf } from "./spec-options.js";

export const bootstrapOptions = {
  image: option.string({
    doc: "Name of the image, with or without a tag. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
    aliases: ["name"],
  }),
  tag: option.string({ doc: "Tag of the image, in place of one in `image`. Default: `latest`." }),
  archives: archivesOption(
    "Archives of the system's root, one a line as `url [prefix] [checksum]`: http(s) and file URLs and paths; .tar, also compressed by gzip, bzip2, xz or zstd. They are unpacked over each other, each below its prefix. A Gentoo `latest-stage3-….txt` is followed to the newest stage. Unset: the image has to be there already.",
  ),
  "archives-key": option.path({
    doc: "File of PGP keys against which gpg verifies `latest-stage3-….txt` and a stage's signed digests.",
  }),
  platform: platformOption(
    "Platform of the archives, where it is not the engine's: `linux/arm64`. The engine's host has to run its programs.",
  ),
  "crossdev-platform": platformOption(
    "Platform that the builder is to build for. Where it is not the engine's, programs of it are tried, and an emulator is registered where they do not run and the engine allows it.",
  ),
  container: option.string({
    doc: "Name of the container. Default: `<image's name>_bootstrap`.",
  }),
  command: option.words({ doc: "Command that keeps the container running.", default: "/bin/freeze" }),
  layout: option.path({
    doc: "A folder that is copied onto the container's root; everything in it belongs to root.",
  }),
  script: option.script({
    doc: "Script that runs in the container once the layout is there.",
    aliases: ["build-script"],
  }),
  "script-shell": option.words({
    doc: "Shell of the script, with its options: `/bin/bash -e`.",
    default: "$<:shell>",
    aliases: ["build-shell", "build-script-shell"],
  }),
  "script-user": option.string({
    doc: "User of the script. Default: the image's.",
    aliases: ["build-user", "build-script-user"],
  }),
  shell: option.words({ doc: "Shell of scripts that name no other.", default: "/bin/sh" }),
  commit: option.boolean({
    doc: "Make the image anew from the container at the end; the container is then removed. Otherwise the image stays as imported, and the container stays and runs.",
    default: "false",
  }),
  env: option.pairs({
    doc: "Environment of the container, `NAME=VALUE` a line; a bare `NAME` takes its value from tsbuildout's.",
  }),
  tty: option.boolean({ doc: "Give the container a pseudo terminal.", default: "false" }),
  volumes: linesOf("volumes", parseVolume, {
    doc: "What to mount, one a line: `folder:/target[:mode]`, `volume:/target[:mode]`.",
  }),
  "volumes-from": option.words({ doc: "Containers whose volumes are mounted here too." }),
  ...rightsOptions,
  ...engineOptions,
};

export type BootstrapSchema = typeof bootstrapOptions;
