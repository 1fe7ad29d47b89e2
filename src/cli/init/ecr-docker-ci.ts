import { parse } from "yaml";
import { type Converted, escapeScript, printFile, SectionText } from "./cfg.js";
import { asMap, asPairs, asText, asTexts, type Yaml } from "./yaml.js";

type Note = (text: string) => void;
type Settings = { [key: string]: Yaml };

/** Options of docker.build under their own names, by what they hold. */
const PLAIN = new Set([
  "path",
  "tag",
  "quiet",
  "nocache",
  "rm",
  "custom_context",
  "encoding",
  "pull",
  "forcerm",
  "dockerfile",
  "shmsize",
]);
const PAIRS = new Set(["buildargs", "labels", "container_limits"]);

/** `${…}` is the Dockerfile's. */
const ANGLE = "substitution = angle";

/** No text of such a file refers to anything. */
function literal(_key: unknown, value: unknown): unknown {
  return typeof value === "string" ? escapeScript(value) : value;
}

/** The actions of an .ecr-docker-ci.yml as parts of a buildout file. */
export function fromEcrDockerCi(yaml: string): Converted {
  const file = asMap(parse(yaml, literal) as Yaml);
  const notes: string[] = [];
  const note: Note = (text) => void notes.push(text);
  const docker = asMap(file["Docker"]);
  const actions = asTexts(asMap(file["Global"])["actions"]);
  // What is not built is an image that the engine has.
  const image = actions.includes("build") ? "$<image:image>" : (asText(docker["tag"]) ?? "");
  const made = actions.flatMap((action) => {
    if (action === "build") return [buildPart(docker, note)];
    if (action === "push") return [pushPart(image)];
    if (action === "push_to_ecr") return [ecrPart(asMap(file["Amazon ECR"]), { docker, image, note })];
    note(`the action ${action} was not carried over`);
    return [];
  });
  const head = `[buildout]\nparts = ${made.map(({ name }) => name).join(" ")}`;
  const foreign = made.some((part) => part.toString().includes("${"));
  return { text: printFile(foreign ? `${head}\n${ANGLE}` : head, made), notes };
}

function buildPart(docker: Settings, note: Note): SectionText {
  const part = new SectionText("image").set("recipe", "docker.build");
  for (const [key, value] of Object.entries(docker)) {
    if (PLAIN.has(key)) part.set(key, asText(value));
    else if (PAIRS.has(key)) part.set(key, asPairs(value));
    else if (key === "cache_from") part.set(key, asTexts(value));
    else if (key === "fileobj") setDockerfile(part, docker, note);
    else if (key === "timeout")
      note("Docker.timeout was not carried over: it was for HTTP; here timeout ends the whole part");
    else if (key !== "decode") note(`Docker.${key} was not carried over`);
  }
  if ("container_limits" in docker) part.set("builder", "classic");
  return part;
}

/** A text of several words is a Dockerfile; one word is a file's name. */
function setDockerfile(part: SectionText, docker: Settings, note: Note): void {
  const text = asText(docker["fileobj"])?.trimEnd() ?? "";
  if (docker["custom_context"] === true) part.set("fileobj", text);
  else if (/\s/.test(text)) part.set("fileobj", text);
  else {
    part.set("dockerfile", text);
    note(`Docker.fileobj: ${text} was taken for the path of the Dockerfile`);
  }
}

function pushPart(image: string): SectionText {
  return new SectionText("push").set("recipe", "docker.push").set("image", image);
}

interface Published {
  readonly docker: Settings;
  readonly image: string;
  readonly note: Note;
}

function ecrPart(ecr: Settings, { docker, image, note }: Published): SectionText {
  const part = new SectionText("publish").set("recipe", "docker.ecr-push").set("image", image);
  for (const [key, value] of Object.entries(ecr)) {
    if (key === "region_name" || key === "ecr_repo_name") part.set(key, asText(value));
    else if (!key.startsWith("aws_")) note(`Amazon ECR.${key} was not carried over`);
  }
  if (Object.keys(ecr).some((key) => key.startsWith("aws_")))
    note(
      "the keys of Amazon ECR were not carried over: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have the AWS SDK find others",
    );
  const [, tag = "latest"] = /:([\w.-]+)$/.exec(asText(docker["tag"]) ?? "") ?? [];
  part.set("tags", tag);
  // There, the image's tag is the only one that is pushed.
  return tag === "latest" ? part : part.set("latest", false);
}
