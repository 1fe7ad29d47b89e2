import type { Section } from "./config/model.js";
import type { BuildoutInfo } from "./contract.js";
import type { Diagnostic } from "./diagnostic.js";
import { decodeOptions } from "./options.js";
import { option, OptionValueError } from "./schema.js";
import { suggest } from "./suggest.js";
import type { Span } from "./text.js";

const numberFrom = (smallest: number) =>
  option.custom(
    "number",
    (text) => {
      if (/^\d+(\.\d+)?$/.test(text) && Number(text) >= smallest) return text;
      throw new OptionValueError(`"${text}" is not a number from ${smallest}`);
    },
    { doc: "" },
  );
const boolean = option.boolean({ doc: "" });

/** Options of `[buildout]` whose values can be wrong without anything failing for it. */
const VALUES = {
  newest: boolean,
  offline: boolean,
  strict: boolean,
  "allow-picked-versions": boolean,
  "show-picked-versions": boolean,
  "keep-runs": numberFrom(0),
  "socket-timeout": numberFrom(0),
};

/** The others that mean something, here (docs/language.md) or to zc.buildout, whose files are read as they are. */
const OTHERS =
  `allow-hosts allow-unknown-extras always-accept-server-certificate bin-directory context develop
  develop-eggs-directory directory download-cache eggs-directory engine-tls-cert-path engine-tls-verify engine-url
  executable extends extends-cache extensions find-links index installed log-format log-level machine-name
  optional-extends parts parts-directory prefer-final python results substitution update-versions-file
  use-dependency-links user-defaults verbosity versions`.split(/\s+/);
const KNOWN = [...Object.keys(VALUES), ...OTHERS];

/** What is wrong in `[buildout]`: values, and names that are misspelt. A name like no other is the user's own. */
export function buildoutMistakes(
  section: Section | undefined,
  { info, home }: { readonly info: BuildoutInfo; readonly home: string },
  isReferred: (option: string) => boolean,
): Diagnostic[] {
  const spanOf = (name: string): Span | undefined => section?.options.get(name)?.span;
  const texts = new Map(Object.entries(info.options).map(([name, text]) => [name, { text, secret: false }]));
  const source = { name: "buildout", texts, span: spanOf, nameSpan: spanOf };
  const { mistakes } = decodeOptions(VALUES, source, { directory: info.directory, home });
  const misspelt = [...texts.keys()].filter((name) => !KNOWN.includes(name) && !isReferred(name));
  return [
    ...mistakes.map(({ severity, code, message, span, help = [] }) => ({
      severity,
      code,
      message,
      ...(span && { span }),
      help,
    })),
    ...misspelt.flatMap((name) => {
      const meant = suggest(name, KNOWN);
      return meant === undefined ? [] : [perhapsMisspelt(name, meant, section)];
    }),
  ];
}

function perhapsMisspelt(name: string, meant: string, section: Section | undefined): Diagnostic {
  const span = section?.options.get(name)?.history.at(-1)?.nameSpan;
  return {
    severity: "warning",
    code: "option/unknown",
    message: `[buildout] has no option "${name}"`,
    ...(span && { span }),
    help: [`did you mean "${meant}"?`],
  };
}
