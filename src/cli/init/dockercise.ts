import { parse } from "yaml";
import { type Converted, escapeScript, partName, printFile, SectionText } from "./cfg.js";
import { type Habits, habitsOf } from "./dockercise-habits.js";
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
  const stages = await mergeFiles(files, subgraph);
  const notes: string[] = [];
  const names = partNames(Object.keys(stages));
  for (const [name, part] of names) if (part !== name) notes.push(`the stage "${name}" is called ${part}`);
  const habits = habitsOf(stages);
  const scope: Scope = { names, habits, note: (text) => void notes.push(text) };
  const sections = Object.entries(stages).map(([name, stage]) => convertStage(name, stage, scope));
  notes.push(...notesOn(scope));
  const parts = sections.map((section) => section.name).join("\n    ");
  const head = `[buildout]\nparts =\n    ${parts}\n# \${…} stays as it is: it belongs to the shells in the containers\nsubstitution = angle`;
  return { text: printFile(head, sections), notes };
}

async function mergeFiles(
  files: readonly string[],
  subgraph: (image: string) => Promise<string>,
): Promise<{ readonly [name: string]: Stage }> {
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
  return stages;
}

/** What each stage is called here: a part's name has no spaces, and one name is the file's own. */
function partNames(stages: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set(["buildout"]);
  const names = new Map<string, string>();
  for (const stage of stages) {
    const plain = partName(stage).replaceAll("/", "-");
    let name = plain;
    for (let n = 2; taken.has(name) || (name !== stage && stages.includes(name)); n++) name = `${plain}-${n}`;
    taken.add(name);
    names.set(stage, name);
  }
  return names;
}

interface Scope {
  /** Part by stage. */
  readonly names: ReadonlyMap<string, string>;
  readonly habits: Habits;
  readonly note: (text: string) => void;
}

/** What was written into the file that the stages do not say. */
function notesOn({ names, habits }: Scope): string[] {
  const said: readonly (readonly [ReadonlySet<string>, string])[] = [
    [habits.always, "always = true, as nothing here would show that what they bring has changed"],
    [habits.secret, "secret = true, which keeps what they print out of logs and records"],
    [
      habits.aws,
      "aws-credentials = true, which hands on your AWS credentials; dockercise gave ~/.aws to every stage",
    ],
  ];
  return said.flatMap(([stages, what]) =>
    stages.size === 0 ? [] : [`${[...stages].map((name) => names.get(name)!).join(", ")}: ${what}`],
  );
}

function convertStage(name: string, stage: Stage, scope: Scope): SectionText {
  const part = new SectionText(scope.names.get(name)!).set("recipe", "docker.stage");
  for (const [key, value] of Object.entries(stage)) {
    if (key === "run" || key === "targets") continue;
    const option = OPTIONS[key];
    if (option === undefined) scope.note(`${name}.${key} was not carried over`);
    // There, a stage that works on another's volume starts in it whatever its `dir` says.
    else if (key !== "dir" || stage["on"] === undefined)
      part.set(option, convertValue({ stage: name, key, value }, scope));
  }
  // Its stages start at the root folder and read `out/<stage>` and `<stage>/file` from there.
  if (stage["dir"] === undefined && stage["on"] === undefined && stage["img"] !== undefined)
    part.set("dir", "/");
  const { always, secret, aws } = scope.habits;
  for (const [option, wanted] of Object.entries({ always, secret, "aws-credentials": aws }))
    if (wanted.has(name)) part.set(option, true);
  const script = asText(stage["run"]);
  if (script === undefined && asTexts(stage["run"]).length > 0)
    scope.note(`${name}.run was not carried over: it is no text`);
  return part.set("run", script === undefined ? undefined : escapeScript(script.trimEnd()));
}

interface Item {
  readonly stage: string;
  readonly key: string;
  readonly value: Yaml;
}

function convertValue(item: Item, scope: Scope): string | string[] | undefined {
  const convert = CONVERTERS[item.key];
  if (convert === undefined) return Array.isArray(item.value) ? asTexts(item.value) : asText(item.value);
  const items = asTexts(item.value).flatMap((text) => convert(text, item.stage, scope) ?? []);
  return items.length === 1 ? items[0] : items;
}

type Convert = (text: string, stage: string, scope: Scope) => string | undefined;

const toPart: Convert = (text, _stage, { names }) => names.get(text) ?? text;

const CONVERTERS: Readonly<Record<string, Convert>> = {
  after: toPart,
  on: toPart,
  /** A name that is no stage is one of the environment's, which dockercise looks up in capitals. */
  env: (text, _stage, { names }) => names.get(text) ?? text.toUpperCase(),
  vol: (text, _stage, { names }) =>
    text.replace(/^[^:]+/, (source) => (names.has(source) ? names.get(source)! : source)),
  /** Its own volume, which is there in any case; another stage's, without waiting for it, is no order of things. */
  outVol: (text, stage, { names, note }) => {
    if (text === stage) return names.get(stage);
    note(`${stage}.outVol: ${text} was not carried over: read a stage's volume with vol`);
    return undefined;
  },
};
