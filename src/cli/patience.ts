import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Io } from "./command.js";

/** In bytes. Hundreds of parts; below it a run is over before anything would be optimized. */
const LARGE = 50_000;

/** Later ones have no such flag, and say so on standard error. */
const HAS_FLAG = process.versions.node.startsWith("20.");

/**
 * With a large configuration file, tells the optimizing compiler to wait: a process that lives for a fraction of a second
 * is over before it has earned what it costs (bench: a no-op run of 1,000 parts). What runs for long is still optimized.
 * @param file relative to the working directory, or a URL
 */
export async function bePatient(file: string, { cwd, flagsChange }: Io): Promise<void> {
  if (!HAS_FLAG || sizeOf(resolve(cwd, file)) < LARGE) return;
  flagsChange?.();
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--interrupt-budget=300000");
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    // Whoever reads it says why it cannot be read.
    return 0;
  }
}
