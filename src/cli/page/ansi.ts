/** One line of a log as HTML: escaped, with SGR colours as spans (ECMA-48 8.3.117); other control sequences go.
 *  Runs in the page too, from its own source text: it may refer to nothing outside itself. */
export function ansiHtml(line: string): string {
  const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
  const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  let classes = new Set<string>();
  let html = "";

  function setColor(name: string | undefined): void {
    for (const each of classes) if (each.startsWith("c-")) classes.delete(each);
    if (name !== undefined) classes.add(`c-${name}`);
  }

  function apply(codes: number[]): void {
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i] ?? 0;
      const base = code % 10;
      if (code === 0) classes = new Set();
      else if (code === 1) classes.add("bold");
      else if (code === 2) classes.add("dim");
      else if (code === 3) classes.add("italic");
      else if (code === 4) classes.add("underline");
      else if (code === 22) for (const name of ["bold", "dim"]) classes.delete(name);
      else if (code === 39) setColor(undefined);
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) setColor(names[base]);
      // 256 colours and direct colour: skip their operands, show plain text.
      else if (code === 38 || code === 48) i += codes[i + 1] === 2 ? 4 : 2;
    }
  }

  // A progress bar overwrites its line: what stands after the last carriage return is what a terminal shows.
  const shown = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
  // eslint-disable-next-line no-control-regex
  for (const piece of shown.split(/(\x1b\[[0-9;:?]*[A-Za-z]|\x1b\][^\x07]*\x07)/)) {
    // eslint-disable-next-line no-control-regex
    const sgr = /^\x1b\[([0-9;:]*)m$/.exec(piece);
    if (sgr) apply((sgr[1] ?? "").split(/[;:]/).map(Number));
    else if (piece !== "" && !piece.startsWith("\x1b")) {
      const text = piece.replace(/[&<>"]/g, (c) => escapes[c] ?? c);
      const used = [...classes].join(" ");
      html += used === "" ? text : `<span class="${used}">${text}</span>`;
    }
  }
  return html;
}
