/** What is printed of something that nobody foresaw. @param when of a run, in brackets */
export function bugText(error: unknown, when = ""): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `internal error: this is a bug of tsbuildout or of a recipe${when}\n${stack}\n`;
}

/** Its message alone: anything may be thrown. */
export function bugMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
