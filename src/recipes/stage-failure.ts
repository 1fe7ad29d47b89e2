import { constants } from "node:os";
import { type Problem, RecipeError } from "tsbuildout/recipe";

export interface Ending {
  readonly stage: string;
  readonly code: number;
  /** What the engine says. Older ones miss it where the process ends at once. */
  readonly outOfMemory: boolean;
  /** As written; undefined where there is no limit. */
  readonly memory: string | undefined;
  readonly last: readonly string[];
}

/** Why a stage that ended with something else than 0 failed. */
export function stageFailure(ending: Ending): RecipeError {
  const { stage, code, last } = ending;
  const memory = memoryFault(ending);
  return new RecipeError({
    code: memory === "" ? "stage/failed" : "stage/out-of-memory",
    message: `stage ${stage} ended with ${describeCode(code)}${memory}`,
    notes: notesOf(last),
    help: memory === "" ? helpFor(code) : ["give it more with memory = …"],
    option: "run",
  });
}

function notesOf(last: readonly string[]): string[] {
  return last.length > 0 ? [`its last lines were:\n${last.join("\n")}`] : ["it printed nothing"];
}

/** What a stage had come to as its time was over. @param reason why it was ended: that of an interrupt is no problem */
export function lateFailure(reason: unknown, last: readonly string[]): RecipeError | undefined {
  const { problem } = reason as { readonly problem?: Problem };
  return problem && new RecipeError({ ...problem, notes: notesOf(last) }, { cause: reason });
}

/** Why a container that the engine has created did not start: what it is asked to run is not there, mostly. */
export function startFailure(stage: string, error: unknown): RecipeError {
  const { message } = error as Error;
  return new RecipeError(
    {
      code: "stage/failed",
      message: `stage ${stage} did not start: ${message.replace(/^.*unable to start container process: /s, "")}`,
      help: helpFor(127),
      option: "run",
    },
    { cause: error },
  );
}

function memoryFault({ outOfMemory, code, memory }: Ending): string {
  if (outOfMemory) return ": it ran out of memory";
  return code === 137 && memory !== undefined
    ? `: most likely it ran out of memory (memory = ${memory})`
    : "";
}

function helpFor(code: number): string[] {
  return code === 126 || code === 127
    ? ["see that the image has the shell and the programs that the script calls"]
    : [];
}

/** `137 (SIGKILL)`: shells and engines report a signal as 128 + its number. */
export function describeCode(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128);
  return signal ? `exit code ${code} (${signal[0]})` : `exit code ${code}`;
}
