import { option } from "tsbuildout/recipe";
import { engineOptions } from "./common.js";
import { archivesOption } from "./gentoo-archive-lines.js";
import {
  atomsOption,
  exposeOption,
  healthcheckOption,
  platformOption,
  portageLines,
  rightsOptions,
} from "./gentoo-options.js";
import { parseCopy } from "./gentoo-copy-lines.js";
import { commandOf, linesOf } from "./spec-options.js";
import { parseOwner } from "./owner.js";

const shellOf = (script: string, ...aliases: string[]) =>
  option.words({
    doc: `Shell of \`${script}\`, with its options: \`/bin/bash -e\`.`,
    default: "$<:shell>",
    aliases,
  });
const userOf = (script: string, ...aliases: string[]) =>
  option.string({ doc: `User of \`${script}\`. Default: the image's.`, aliases });

/** What is built, and for what. */
const packageOptions = {
  packages: atomsOption("Packages to build in the builder and to install into the image, by their atoms."),
  "build-dependencies": atomsOption(
    "Packages to build in the builder before, which do not get into the image.",
  ),
  "accept-keywords": portageLines("Lines of package.accept_keywords in the builder: `app-admin/monit **`."),
  mask: portageLines("Lines of package.mask in the builder."),
  unmask: portageLines("Lines of package.unmask in the builder."),
  use: portageLines("Lines of package.use in the builder: `sys-apps/busybox static`."),
  "emerge-options": option.words({ doc: "Further options of emerge when packages are built." }),
  jobs: option.integer({ doc: "How many packages emerge may build at once." }),
  binhost: option.string({
    doc: "Address of a host of binary packages: those that fit are taken from there.",
  }),
  platform: platformOption("Platform of the image. Default: the engine's."),
  arch: option.string({
    doc: "Architecture in the name of the chroot command. Default: `platform`, as `uname -m` has it.",
  }),
  processor: option.string({
    doc: "First part of the target's tuple. Default: `platform`, as `uname -m` has it.",
  }),
  variant: option.string({ doc: "Second part of the target's tuple.", default: "dockeroo" }),
  abi: option.string({ doc: "Last part of the target's tuple.", default: "gnu" }),
  chroot: option.string({
    doc: "Words before a command text that run it in the target's system. Set to nothing, commands run in the builder itself. Default: `chroot-<arch>-docker -c`.",
  }),
  root: option.path({
    doc: "Folder of the builder in which packages land. Default: `/usr/<processor>-<variant>-linux-<abi>/dockeroo-root`; without chroot `/dockeroo-root`.",
  }),
};

/** The container in which packages are built. */
const builderOptions = {
  "build-image": option.string({ doc: "Image of the builder. Unset: nothing is built." }),
  "build-container": option.string({
    doc: "Name of the builder's container.",
    default: "$<:_buildout_section_name_>_build",
  }),
  "build-command": option.words({ doc: "Command that keeps the builder running.", default: "/bin/freeze" }),
  "build-env": option.pairs({ doc: "Environment of emerge, `NAME=VALUE` a line." }),
  "build-layout": option.path({ doc: "A folder that is copied onto the builder's root." }),
  "build-volumes-from": option.words({ doc: "Containers whose volumes the builder mounts." }),
  "pre-build-script": option.script({ doc: "Script that runs in the builder before anything is built." }),
  "pre-build-script-shell": shellOf("pre-build-script"),
  "pre-build-script-user": userOf("pre-build-script"),
  "build-script": option.script({
    doc: "Script that runs in the builder between `build-dependencies` and `packages`.",
  }),
  "build-script-shell": shellOf("build-script"),
  "build-script-user": userOf("build-script"),
  "post-build-script": option.script({
    doc: "Script that runs in the builder once the packages are in `root`.",
  }),
  "post-build-script-shell": shellOf("post-build-script"),
  "post-build-script-user": userOf("post-build-script"),
};

/** The container that becomes the image. */
const assembleOptions = {
  "base-image": option.string({ doc: "Image to start from. Unset: `archives`, or nothing at all." }),
  archives: archivesOption(
    "Archives to start from, one a line as `url [prefix] [checksum]`, unpacked over each other.",
  ),
  "archives-key": option.path({ doc: "File of PGP keys against which gpg verifies what Gentoo signs." }),
  "assemble-container": option.string({
    doc: "Name of the container that becomes the image.",
    default: "$<:_buildout_section_name_>_assemble",
  }),
  copy: linesOf("copies", parseCopy, {
    doc: "What to copy from the builder besides, `path[/] [destination]` a line; with a slash at its end a folder's content is meant.",
  }),
  layout: option.path({ doc: "A folder that is copied onto the image's root." }),
  "layout-uid": option.custom("integer", parseOwner, {
    doc: "Owner of what the layout brings.",
    default: "0",
  }),
  "layout-gid": option.custom("integer", parseOwner, {
    doc: "Group of what the layout brings.",
    default: "0",
  }),
  script: option.script({
    doc: "Script that runs in the image-to-be at the end.",
    aliases: ["assemble-script"],
  }),
  "script-shell": shellOf("script", "assemble-script-shell"),
  "script-user": userOf("script", "assemble-script-user"),
  "volumes-from": option.words({ doc: "Containers whose volumes are mounted while the image is assembled." }),
  tty: option.boolean({ doc: "Give both containers a pseudo terminal.", default: "false" }),
  shell: option.words({ doc: "Shell of all scripts that name no other.", default: "/bin/sh" }),
};

/** What the image says of itself. */
const imageOptions = {
  name: option.string({
    doc: "Name of the image. Default: the part's name.",
    default: "$<:_buildout_section_name_>",
  }),
  tag: option.string({ doc: "Tag of the image, in place of one in `name`. Default: `latest`." }),
  command: commandOf({
    doc: "Command of the image (CMD): words as a shell splits them, or a JSON list of them. Set to nothing, the base image's is left as it is.",
    default: "/bin/freeze",
  }),
  entrypoint: commandOf({
    doc: "Entry point of the image, in the same forms. Default: the base image's; set to nothing, none.",
  }),
  user: option.string({ doc: "User of the image. Default: the base image's." }),
  workdir: option.string({ doc: "Directory in which its command starts. Default: the base image's." }),
  env: option.pairs({ doc: "Environment of the image, `NAME=VALUE` a line." }),
  labels: option.pairs({ doc: "Labels of the image, `NAME=VALUE` a line." }),
  expose: exposeOption,
  volumes: option.lines({ doc: "Volumes of the image, a path a line." }),
  stopsignal: option.string({ doc: "Signal that asks its containers to end.", aliases: ["stop-signal"] }),
  healthcheck: healthcheckOption,
};

export const gentooBuildOptions = {
  ...imageOptions,
  ...packageOptions,
  ...builderOptions,
  ...assembleOptions,
  ...rightsOptions,
  ...engineOptions,
};

export type GentooBuildSchema = typeof gentooBuildOptions;
