import type { Problem } from "../contract.js";

/** Thrown where a recipe or an extension cannot be had; the engine adds the option's place. */
export class RecipeLoadError extends Error {
  override readonly name = "RecipeLoadError";
  /** `recipe/missing`, `recipe/peer-version`, … */
  readonly code: string;
  readonly help: readonly string[];
  constructor(code: string, message: string, help: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.help = help;
  }

  /** What it is where no option is at hand to point to: at the uninstall of a part that is recorded only. */
  get problem(): Problem {
    const { code, message, help } = this;
    return { code, message, help };
  }
}
