/** The compiler sees to it that recipes hand over texts, but not where one is written in plain JavaScript. What is none
 *  would be recorded, and be in the way of every run from then on. */
export function requireText(value: unknown, what: string): void {
  if (typeof value !== "string") throw new TypeError(`${what} is a text, not ${typeof value}`);
}
