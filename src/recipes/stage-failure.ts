import { constants } from "node:os";
import { RecipeError } from "tsbuildout/recipe";

export interface Ending {
  readonly stage: string;
  readonly code: number;
  readonly outOfMemory: boolean;
  readonly last: readonly string[];
}

/** Why a stage that ended with something else than 0 failed. */
export function stageFailure({ stage, code, outOfMemory, last }: Ending): RecipeError {
  return new RecipeError({
    code: outOfMemory ? "stage/out-of-memory" : "stage/failed",
    message: `stage ${stage} ended with ${describeCode(code)}${outOfMemory ? ": it ran out of memory" : ""}`,
    notes: last.length > 0 ? [`its last lines were:\n${last.join("\n")}`] : ["it printed nothing"],
    help: outOfMemory
      ? ["give it more with memory = …"]
      : code === 126 || code === 127
        ? ["see that the image has the shell and the programs that the script calls"]
        : [],
    option: "run",
  });
}

/** `137 (SIGKILL)`: shells and engines report a signal as 128 + its number. */
export function describeCode(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128);
  return signal ? `exit code ${code} (${signal[0]})` : `exit code ${code}`;
}
