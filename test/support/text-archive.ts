const field = (text: string, length: number): string => text.padEnd(length, "\0");
const octal = (value: number, length: number): string =>
  field(value.toString(8).padStart(length - 1, "0"), length);

/** A tar archive of one entry, as text. @param type `0` file, `6` fifo */
export function archive(name: string, content: string, type: "0" | "6" = "0"): string {
  const numbers = [0o644, 0, 0].map((value) => octal(value, 8)).join("");
  const before = field(name, 100) + numbers + octal(content.length, 12) + octal(0, 12);
  const after = field(`${type}${field("", 100)}ustar\u000000`, 356);
  const sum = Buffer.from(`${before}        ${after}`).reduce((total, byte) => total + byte, 0);
  const blocks = content === "" ? "" : field(content, 512);
  return `${before}${octal(sum, 7)} ${after}${blocks}${field("", 1024)}`;
}

/** What an engine says of a path in a container, beside the answer itself. @param mode Go's file mode */
export function pathStat(name: string, size: number, mode = 0o644): Readonly<Record<string, string>> {
  const stat = { name, size, mode, mtime: "2020-01-01T00:00:00Z", linkTarget: "" };
  return { "x-docker-container-path-stat": Buffer.from(JSON.stringify(stat)).toString("base64") };
}
