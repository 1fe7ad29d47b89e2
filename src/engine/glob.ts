/** Whether a path (with slashes, relative) fits one of the globs: `*`, `?`, `[…]`, `{a,b}`, and `**` across folders;
 *  a glob with a leading `!` takes back what those before it took. Names that begin with a dot count like any other. */
export async function globMatcher(globs: readonly string[]): Promise<(path: string) => boolean> {
  const { default: picomatch } = await import("picomatch");
  const rules = globs.map((glob) => {
    const takesBack = glob.startsWith("!");
    const pattern = (takesBack ? glob.slice(1) : glob).replace(/^\.\//, "");
    return { takesBack, fits: picomatch(pattern, { dot: true, nonegate: true }) };
  });
  return (path) => rules.reduce((taken, { takesBack, fits }) => (fits(path) ? !takesBack : taken), false);
}
