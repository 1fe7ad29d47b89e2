import type { CommandSpec, OptionSpec } from "./command.js";
import { KINDS } from "./init/cfg.js";
import { globalOptions } from "./options.js";

/** What the words of a command line may go on with; `names` are asked for only where they are wanted. */
export interface Names {
  parts(): Promise<readonly string[]>;
  sections(): Promise<readonly string[]>;
  /** That the section has in the file. */
  options(section: string): Promise<readonly string[]>;
  /** Of the built-in recipes. */
  recipes(): Promise<readonly string[]>;
  runs(): Promise<readonly string[]>;
}

/** Candidates for the last of the words behind `tsbuildout`. None where a file's name is wanted: the shell knows those. */
export async function candidates(
  words: readonly string[],
  commands: readonly CommandSpec[],
  names: Names,
): Promise<readonly string[]> {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const command = commands.find(({ name }) => before.includes(name));
  const specs = [...(command?.options ?? []), ...globalOptions];
  const awaited = specs.find(
    (spec) => spec.value !== undefined && spelled(spec).includes(before.at(-1) ?? ""),
  );
  const all = awaited
    ? await valuesOf(awaited, names)
    : last.startsWith("-")
      ? specs.flatMap(spelled).filter((word) => word.startsWith("--") || last.length === 1)
      : command
        ? await argumentsOf(command.name, last, names)
        : commands.map(({ name }) => name);
  return [...new Set(all)].filter((word) => word.startsWith(last)).sort();
}

function spelled({ short, long }: OptionSpec): string[] {
  return [`--${long}`, ...(short ? [`-${short}`] : [])];
}

async function valuesOf({ long }: OptionSpec, names: Names): Promise<readonly string[]> {
  if (long === "replace" || long === "reinstall") return await names.parts();
  if (long === "run") return await names.runs();
  if (long === "format") return ["text", "dot", "mermaid", "svg", "json"];
  return long === "from" ? KINDS : [];
}

async function argumentsOf(command: string, last: string, names: Names): Promise<readonly string[]> {
  if (["install", "uninstall", "plan", "graph", "logs"].includes(command)) return await names.parts();
  if (command === "annotate" || command === "check") return await names.sections();
  if (command === "query") return await queried(last.split(":"), names);
  if (command === "recipes") return await names.recipes();
  if (command === "report") return await names.runs();
  return command === "completion" ? ["bash", "zsh", "fish"] : [];
}

async function queried([section = "", option]: readonly string[], names: Names): Promise<readonly string[]> {
  if (option === undefined) return (await names.sections()).map((name) => `${name}:`);
  return (await names.options(section)).map((name) => `${section}:${name}`);
}

/** Scripts that ask the program itself, so that they never fall behind it. */
export const SHELL_SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# eval "$(tsbuildout completion bash)"
_tsbuildout() {
  local IFS=$'\\n' line="\${COMP_LINE:0:$COMP_POINT}" words
  # Bash takes a colon for the end of a word; the program wants words as they were typed.
  IFS=$' \\t' read -r -a words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  COMPREPLY=($(tsbuildout completion --words -- "\${words[@]:1}" 2>/dev/null))
  local typed="\${words[\${#words[@]}-1]}"
  if [[ "$typed" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
    local prefix="\${typed%"\${typed##*:}"}"
    COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  fi
  [[ "\${COMPREPLY[0]}" == *: ]] && compopt -o nospace
}
complete -o default -F _tsbuildout tsbuildout
`,
  zsh: `#compdef tsbuildout
# eval "$(tsbuildout completion zsh)"
_tsbuildout() {
  local -a found
  found=("\${(@f)$(tsbuildout completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then compadd -Q -- "\${found[@]}"; else _files; fi
}
compdef _tsbuildout tsbuildout
`,
  fish: `# tsbuildout completion fish | source
function __tsbuildout_words
  set -l words (commandline -opc) (commandline -ct)
  set -l found (tsbuildout completion --words -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c tsbuildout -f -a '(__tsbuildout_words)'
`,
};
