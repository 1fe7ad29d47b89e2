/** How many columns a text takes on a terminal: escape sequences none, wide characters two (UAX #11, the ranges that
 *  terminals agree on). */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of plain(text)) width += characterWidth(character.codePointAt(0)!);
  return width;
}

function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
}

function characterWidth(code: number): number {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 0;
  if ((code >= 0x300 && code <= 0x36f) || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff);
  return wide ? 2 : 1;
}

/** Control sequences (ECMA-48: CSI, OSC, others) and single control characters, but for the tab. */
const CONTROLS =
  // eslint-disable-next-line no-control-regex
  /\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.?|[\x00-\x08\x0a-\x1f\x7f]/g;

// eslint-disable-next-line no-control-regex
const COLOUR = /^\x1b\[[0-9;:]*m$/;

/** A line that a program has written as it may stand among those of others: its colours stay, what moves the cursor or
 *  clears the screen goes, and of a progress bar that overwrites its line the last state is left. */
export function terminalLine(line: string): string {
  const shown = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
  const text = shown.replace(CONTROLS, (control) => (COLOUR.test(control) ? control : ""));
  return text.includes("\x1b") ? `${text}\x1b[0m` : text;
}

/** Cuts a text without escape sequences to a number of columns, with `…` where something was cut. */
export function fit(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let width = 0;
  let cut = "";
  for (const character of text) {
    width += characterWidth(character.codePointAt(0)!);
    if (width > columns - 1) break;
    cut += character;
  }
  return columns > 0 ? `${cut}…` : "";
}

export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

/** `1.5 GB`: powers of 1000, as the docker CLI shows transfers. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}
