/** How something that is there differs from what is asked for, in words. What is not asked for does not count. */

type Pairs = Readonly<Record<string, string>>;

/** `label a is "1", not "2"`, `label b is not set`. */
export function differingPairs(what: string, wanted: Pairs, actual: Pairs | null | undefined): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const found = actual?.[key];
    if (found === value) return [];
    return [
      found === undefined ? `${what} ${key} is not set` : `${what} ${key} is "${found}", not "${value}"`,
    ];
  });
}

/** `internal is off, not on`. */
export function differingFlag(
  what: string,
  wanted: boolean | undefined,
  actual: boolean | undefined,
): string[] {
  if (wanted === undefined || wanted === (actual ?? false)) return [];
  return [`${what} is ${actual ? "on" : "off"}, not ${wanted ? "on" : "off"}`];
}
