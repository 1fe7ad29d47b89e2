/** What is printed of something that nobody foresaw. */
export function bugText(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `internal error: this is a bug of tsbuildout or of a recipe\n${stack}\n`;
}
