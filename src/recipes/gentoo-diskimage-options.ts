import { option } from "tsbuildout/recipe";
import { engineOptions } from "./common.js";
import { platformOption, rightsOptions } from "./gentoo-options.js";

export const diskimageOptions = {
  "base-image": option.string({ doc: "Image whose content goes onto the disk.", required: true }),
  "build-image": option.string({ doc: "Image of the container that makes the disk.", required: true }),
  "build-root": option.string({
    doc: "Folder of that container, a mounted file system usually, into which the base image is unpacked.",
    required: true,
  }),
  "image-file": option.string({ doc: "Path of the disk image in that container.", required: true }),
  location: option.path({
    doc: "Folder into which the disk image is saved.",
    default: "$<buildout:parts-directory>/$<:_buildout_section_name_>",
  }),
  "prepare-script": option.script({
    doc: "Script that makes the disk, its partitions and file systems, and mounts them.",
  }),
  "build-script": option.script({
    doc: "Script that runs once the base image is unpacked; it unmounts what it need not leave.",
  }),
  "build-script-shell": option.words({
    doc: "Shell of both scripts, with its options: `/bin/bash -e`.",
    default: "$<:shell>",
  }),
  "build-script-user": option.string({ doc: "User of both scripts. Default: the image's." }),
  "build-command": option.words({ doc: "Command that keeps the container running.", default: "/bin/freeze" }),
  "build-container": option.string({
    doc: "Name of the container.",
    default: "$<:_buildout_section_name_>_build",
  }),
  "build-volumes-from": option.words({ doc: "Containers whose volumes the container mounts." }),
  shell: option.words({ doc: "Shell of scripts that name no other.", default: "/bin/sh" }),
  platform: platformOption(
    "Platform of the base image. Where it is not the engine's, its programs have to run there.",
  ),
  arch: option.string({ doc: "Architecture, for references. Default: `platform`." }),
  tty: option.boolean({ doc: "Give the container a pseudo terminal.", default: "false" }),
  compress: option.choice(["gzip", "xz", "zstd"], {
    doc: "Compress the disk image; its name gets .gz, .xz or .zst.",
  }),
  checksum: option.boolean({
    doc: "Write the SHA-256 beside it, as `sha256sum -c` reads it.",
    default: "false",
  }),
  ...rightsOptions,
  ...engineOptions,
};

export type DiskimageSchema = typeof diskimageOptions;
