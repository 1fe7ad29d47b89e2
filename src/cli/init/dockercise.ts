import { parse } from "yaml";
import { type Converted, partName, printFile, SectionText } from "./cfg.js";
import { asMap, asText, asTexts, type Yaml } from "./yaml.js";

type Stage = { [key: string]: Yaml };

/** dockercise key -> our option. */
const OPTIONS: Readonly<Record<string, string>> = {
  img: "image",
  env: "env",
  vol: "vol",
  on: "on",
  outVol: "out-vol",
  after: "after",
  dir: "dir",
  triggers: "triggers",
  noLog: "no-log",
  neverFail: "never-fail",
};

/** Stages of one or several dockercise (graphci) files as a buildout file. Of two stages of one name the later file's
 *  wins, as there. `subgraph` gives the YAML that an image of `meta.subgraphs` prints. */
export async function fromDockercise(
  files: readonly string[],
  subgraph: (image: string) => Promise<string>,
): Promise<Converted> {
  const notes: string[] = [];
  const stages: { [name: string]: Stage } = {};
  const seen = new Set<string>();
  const merge = async (text: string): Promise<void> => {
    const file = asMap(parse(text, { merge: true }) as Yaml);
    const images = asTexts(asMap(file["meta"])["subgraphs"]).filter((image) => !seen.has(image));
    for (const [name, stage] of Object.entries(file)) if (name !== "meta") stages[name] = asMap(stage);
    for (const image of images) {
      seen.add(image);
      await merge(await subgraph(image));
    }
  };
  for (const file of files) await merge(file);
  const names = new Set(Object.keys(stages));
  const sections = Object.entries(stages).map(([name, stage]) => convertStage(name, stage, names, notes));
  const parts = sections.map((section) => section.name).join("\n    ");
  const head = `[buildout]\nparts =\n    ${parts}\n# \${…} stays as it is: it belongs to the shells in the containers\nsubstitution = angle`;
  return { text: printFile(head, sections), notes };
}

function convertStage(name: string, stage: Stage, names: ReadonlySet<string>, notes: string[]): SectionText {
  const part = new SectionText(partName(name)).set("recipe", "docker.stage");
  for (const [key, value] of Object.entries(stage)) {
    if (key === "run" || key === "targets") continue;
    const option = OPTIONS[key];
    if (option === undefined) notes.push(`${name}.${key} was not carried over`);
    else part.set(option, convertValue(key, value, names));
  }
  // Its stages start at the root folder and read `out/<stage>` and `<stage>/file` from there.
  if (stage["dir"] === undefined && stage["on"] === undefined && stage["img"] !== undefined)
    part.set("dir", "/");
  return part.set("run", asText(stage["run"])?.trimEnd());
}

/** A name that is no stage is one of the environment's, which dockercise looks up in capitals. */
function convertValue(key: string, value: Yaml, names: ReadonlySet<string>): string | string[] | undefined {
  if (!Array.isArray(value) && key !== "env") return asText(value);
  const items = asTexts(value).map((item) => (key !== "env" || names.has(item) ? item : item.toUpperCase()));
  return items.length === 1 ? items[0] : items;
}
