/** SGR colours, or none; `wantsColour` says which. */
export interface Palette {
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

export function palette(enabled: boolean): Palette {
  const paint =
    (on: number, off: number) =>
    (text: string): string =>
      enabled && text !== "" ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    green: paint(32, 39),
    red: paint(31, 39),
    yellow: paint(33, 39),
    dim: paint(2, 22),
    bold: paint(1, 22),
  };
}

export const PLAIN: Palette = palette(false);
