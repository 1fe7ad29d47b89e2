/** Reading YAML whose shape is not known: everything is looked at before it is used. */
export type Yaml = string | number | boolean | null | undefined | Yaml[] | { [key: string]: Yaml };

export function asMap(value: Yaml): { [key: string]: Yaml } {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

export function asList(value: Yaml): Yaml[] {
  return Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
}

export function asText(value: Yaml): string | undefined {
  if (value === null || value === undefined || typeof value === "object") return undefined;
  return String(value);
}

export function asTexts(value: Yaml): string[] {
  return asList(value).flatMap((item) => asText(item) ?? []);
}

/** A map, or a list of `key=value` lines: both forms that Compose allows, as lines. */
export function asPairs(value: Yaml): string[] {
  if (Array.isArray(value)) return asTexts(value);
  return Object.entries(asMap(value)).map(([key, item]) => {
    const text = asText(item);
    return text === undefined ? key : `${key}=${text}`;
  });
}
