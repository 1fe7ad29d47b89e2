/** How many times a run is killed; `npm run test:crash` takes 100. */
export const CRASHES = Number(process.env["TSBUILDOUT_CRASHES"] ?? 6);

/**
 * Where random input begins: at the same place each time, so that no test fails by chance for a change that has nothing
 * to do with it. Another seed looks for what nobody has met yet.
 */
export const SEED = Number(process.env["TSBUILDOUT_SEED"] ?? 1);

/** Numbers between 0 and 1, the same ones for a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
