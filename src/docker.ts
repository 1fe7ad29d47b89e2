/** Docker for recipe authors: engines, credentials, references, streams, contexts, layouts and copies. */
export { connect, engineFor, speaksApi, type EngineSharer } from "./docker/connect.js";
export { checkChoice, type EngineChoice, type Surroundings } from "./docker/endpoint.js";
export type { Engine, EngineInfo } from "./docker/engine.js";
export type { TlsMaterial } from "./docker/tls.js";
export type { EngineRequest, QueryValue } from "./docker/request.js";
export {
  DockerError,
  hasStatus,
  isConflict,
  isNotFound,
  type Problem,
} from "./docker/errors.js";
export {
  familiarName,
  familiarReference,
  formatReference,
  hasRegistry,
  parseReference,
  withDefaultTag,
  type Reference,
} from "./docker/reference.js";
export { Demultiplexer, jsonLines, outputs, type Output } from "./docker/stream.js";
export { execInContainer, type ExecOptions } from "./docker/exec.js";
export {
  containerLogs,
  runAttached,
  waitContainer,
  type AttachOptions,
  type LogOptions,
} from "./docker/attach.js";
export { findContainer, listAll } from "./docker/listing.js";
export { unlessAborted } from "./docker/unless-aborted.js";
export type {
  ContainerSummary,
  ImageSummary,
  Listable,
  NetworkSummary,
  VolumeSummary,
} from "./docker/listing.js";
export {
  findImage,
  imageKey,
  inspectImage,
  ownComment,
  removeImage,
  repoDigest,
  tagImage,
  tagsOf,
  type ImageDetails,
  type RemoveImage,
} from "./docker/image.js";
export { SpecError } from "./docker/spec.js";
export {
  parseAddress,
  parseExposed,
  parsePort,
  portSettings,
  publishedPorts,
  type PortMapping,
  type PortSettings,
} from "./docker/ports.js";
export {
  bindText,
  parseMount,
  parseTmpfs,
  parseVolume,
  type MountSpec,
  type PathBase,
  type VolumeSpec,
} from "./docker/mounts.js";
export {
  parseCpus,
  parseDevice,
  parseDeviceRule,
  parseExtraHost,
  parseGpus,
  parseHealthCommand,
  parseLink,
  parseNetwork,
  parseRestart,
  parseUlimit,
  parseWordList,
  type DeviceRequest,
  type DeviceSpec,
  type NetworkSpec,
  type RestartPolicy,
} from "./docker/resources.js";
export {
  connectNetwork,
  createContainer,
  disconnectNetwork,
  inspectContainer,
  renameContainer,
  startContainer,
  stopContainer,
  unpauseContainer,
  updateContainer,
  type Call,
  type ContainerConfig,
  type ContainerState,
  type EndpointSettings,
  type EndpointState,
} from "./docker/container.js";
export { removeContainer } from "./docker/remove-container.js";
export {
  createVolume,
  inspectVolume,
  removeVolume,
  volumeHolders,
  type VolumeSettings,
  type VolumeState,
} from "./docker/volume.js";
export {
  contains,
  createNetwork,
  inspectNetwork,
  networksNamed,
  overlap,
  overlappingNetworks,
  parseCidr,
  prefixesMeet,
  prefixOf,
  removeNetwork,
  type NetworkSettings,
  type NetworkState,
  type Overlap,
  type Pool,
} from "./docker/network.js";
export {
  credentialsFor,
  givenLogin,
  knownRegistries,
  registryAuth,
  registryConfig,
  serverAddress,
  type CredentialProvider,
  type CredentialSources,
} from "./docker/auth.js";
export type { Credentials } from "./docker/auth-types.js";
export { otherPlatformProblem } from "./docker/registry-error.js";
export {
  isMissing,
  pullAllTags,
  pullImage,
  pushImage,
  remoteImage,
  type Transfer,
} from "./docker/transfer.js";
export type { AccessKeys, EcrAccess } from "./docker/ecr/access.js";
export { isRegion, parseEcrHost, repositoryNameFault } from "./docker/ecr/address.js";
export { openEcr, type Ecr } from "./docker/ecr/client.js";
export { imagesByTag, removeTags, type RemoteImage, type RepositoryTags } from "./docker/ecr/images.js";
export {
  createRepository,
  findRepository,
  type RepositoryInfo,
  type RepositorySettings,
  type RepositoryWish,
} from "./docker/ecr/repository.js";
export { applySettings, expireAfter } from "./docker/ecr/settings.js";
export { ecrToken, forgetToken, type EcrToken } from "./docker/ecr/tokens.js";
export {
  checkContext,
  contextDigest,
  openContext,
  type BuildContext,
  type ContextOptions,
} from "./docker/context.js";
export type { ExtraFile } from "./docker/tree-pack.js";
export { openLayout, type Layout, type LayoutOptions } from "./docker/layout.js";
export { statInContainer, type PathStat } from "./docker/path-stat.js";
export { inspectFor, type OfPlatform } from "./docker/image-platform.js";
export { loadImages, saveImages, type LoadHow } from "./docker/image-archive.js";
export { buildByEngine, type BuildSpec, type EngineBuild } from "./docker/build.js";
export { BuildReport, type Listener } from "./docker/build-report.js";
export { parseSource, type BuildSource } from "./docker/build-source.js";
export { chooseBuilder, type BuilderChoice, type BuildNeeds } from "./docker/build-choice.js";
export { findBuildx } from "./docker/buildx-find.js";
export { buildByBuildx, type BuildxResult, type BuildxRun, type BuildxSpec } from "./docker/buildx.js";
export { imagesOf, parseDockerfile, type Dockerfile } from "./docker/dockerfile.js";
export { startAgent, type KeyAgent } from "./docker/ssh-agent.js";
export {
  archiveKindOf,
  fileDigest,
  packFiles,
  readTarFile,
  type ArchiveKind,
} from "./docker/archive-file.js";
export { proxyVariables } from "./docker/proxy-settings.js";
export { readIgnore } from "./docker/ignore-file.js";
export { isPipe, readPipe, readPlainFile, readUpTo } from "./docker/plain-file.js";
export { withoutPassword } from "./docker/address.js";
export { checkoutGit, resolveGit, type GitSource } from "./docker/build-git.js";
export { shareContext, type SharedFolder } from "./docker/filesync.js";
export { openSession, type Session, type SessionProviders } from "./docker/buildkit-session.js";
export { DigestCache } from "./docker/digest-cache.js";
export { walkTree, type TreeEntry, type WalkOptions } from "./docker/tree.js";
export { digestTree, type TreeDigestOptions } from "./docker/tree-digest.js";
export { packTree, type PackOptions } from "./docker/tree-pack.js";
export { archiveNames } from "./docker/image-names.js";
export { prematureEnd } from "./docker/stream.js";
export {
  arrival,
  copyPath,
  digestPath,
  sameContainer,
  type CopyRequest,
  type CopyResult,
} from "./docker/copy.js";
export type {
  ContainerPlace,
  CopySource,
  CopyTarget,
  FolderPlace,
  ImagePlace,
} from "./docker/copy-place.js";
export {
  compress,
  compressionOf,
  decompress,
  type Compression,
  type CompressionOptions,
} from "./docker/compression.js";
export { mergeTars, type ArchivePart } from "./docker/merge-tars.js";
export { digestFiles, type FileChoice, type FileSet, type FileSetOptions } from "./docker/file-set.js";
export { ecrOfHost } from "./docker/ecr/login.js";
export { settingsWithLogins } from "./docker/settings-copy.js";
export { makeFolders, missingFolders } from "./docker/make-folders.js";
