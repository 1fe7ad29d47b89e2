import { relative } from "node:path";
import { isUrl } from "./config/address.js";
import type { Config } from "./config/model.js";
import type { Diagnostic } from "./diagnostic.js";
import { shownUrl } from "./http.js";
import type { Prospect } from "./prospect.js";

/** How the state names a configuration: relative to the buildout's folder, so that it can be moved. */
export function configurationName({ file, directory }: Config): string {
  return isUrl(file) ? shownUrl(file) : relative(directory, file);
}

/** What is protected goes with its section from the file that installed it. Another file, or `parts` on the command line,
 *  may just be about other parts: with these it does not go.
 *  @returns `part/protected` for each part that would */
export function refuseLeftOut({ config, store, forecast }: Prospect): Diagnostic[] {
  const why = config && whyApart(config, store.state.configuration);
  if (why === undefined) return [];
  return [...forecast.losses].map(([part, lost]) => ({
    severity: "error",
    code: "part/protected",
    message: `${part} is not a part here and would be uninstalled, and ${lost} would be lost`,
    part,
    notes: [{ message: why }],
    help: [
      `to take it away: tsbuildout uninstall ${part}`,
      "configurations that are used side by side need a file each for what they installed: installed = NAME in [buildout]",
    ],
  }));
}

function whyApart(config: Config, installedBy: string | undefined): string | undefined {
  const history = config.sections.get("buildout")?.options.get("parts")?.history ?? [];
  if (history.some(({ span }) => span.source.name === "command line"))
    return "the command line says which parts there are";
  const name = configurationName(config);
  return installedBy === undefined || installedBy === name
    ? undefined
    : `this is ${name}, and ${installedBy} installed it`;
}
