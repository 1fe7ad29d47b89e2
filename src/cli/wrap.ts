import type { Output } from "./command.js";

/** How wide text that is read in sentences is set: as the terminal, but no wider than the eye likes. */
export function textColumns({ columns = 80 }: Output): number {
  return Math.min(columns, 100);
}

/** Lines of at most so many columns, cut between words. */
export function wrap(text: string, columns: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      const full = line !== "" && line.length + 1 + word.length > columns;
      if (full) lines.push(line);
      line = full || line === "" ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}

/** Names with what they mean beside them; where there is no room for that, it is cut by the terminal itself. */
export function table(rows: readonly (readonly [string, string])[], columns: number): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  const room = Math.max(20, columns - width - 2);
  return rows.flatMap(([name, meaning]) =>
    wrap(meaning, room).map((line, index) => `${(index === 0 ? name : "").padEnd(width)}  ${line}`),
  );
}
