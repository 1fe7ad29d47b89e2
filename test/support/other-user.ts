export const NOBODY = 65_534;

/** Does the work as a user who is not allowed everything: root reads what nobody may read. What it needs of modules must
 *  be loaded before. */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid!(NOBODY);
  try {
    return await work();
  } finally {
    if (isRoot) process.seteuid!(0);
  }
}
