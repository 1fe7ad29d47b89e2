import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Io } from "./command.js";

/** In bytes. Hundreds of parts; below it a run is over before anything would be optimized. */
const LARGE = 50_000;
/** Thousands of parts: what is optimized is still of use. */
const VERY_LARGE = 500_000;

/** A function is optimized without those that it calls, in a fraction of the time: while there is still work for it. */
const QUICK = "--max-inlined-bytecode-size-cumulative=50";
/** And only when it has run for long. */
const LATE = "--interrupt-budget=300000";
/** What is young is collected less often: almost all of it lives as long as the process. */
const ROOMY = "--semi-space-growth-factor=16";

/** Later ones have no such flags, and say so on standard error. */
const HAS_FLAGS = process.versions.node.startsWith("20.");

/**
 * With a large configuration file, tells the optimizing compiler and the garbage collector to do less: a process that
 * lives for a fraction of a second is over before it has earned what they cost (bench: a no-op run of 1,000 parts,
 * `annotate` of 10,000).
 * @param file relative to the working directory, or a URL
 */
export async function bePatient(file: string, { cwd, flagsChange }: Io): Promise<void> {
  const size = HAS_FLAGS ? sizeOf(resolve(cwd, file)) : 0;
  if (size < LARGE) return;
  const flags = size < VERY_LARGE ? `${QUICK} ${ROOMY} ${LATE}` : `${QUICK} ${ROOMY}`;
  flagsChange?.(flags);
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString(flags);
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    // Whoever reads it says why it cannot be read.
    return 0;
  }
}
