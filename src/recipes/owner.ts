import { OptionValueError } from "tsbuildout/recipe";

/** One less than what stands for "nobody said" where numbers of owners have 32 bits. */
const LARGEST = 2 ** 32 - 2;

/** The number of a user or a group, as a file system and an archive can have it. */
export function parseOwner(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= LARGEST) return Number(text);
  throw new OptionValueError(`"${text}" is not the number of a user or a group`, [
    `write a whole number from 0 to ${LARGEST}`,
  ]);
}
