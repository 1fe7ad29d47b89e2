import type { Reporter } from "../../index.js";
import type { Io } from "../command.js";

const AT_ONCE: ReadonlySet<string> = new Set(["lock/held", "state/copied", "engine/silent"]);

/** For commands that only look: says that another run is changing what they show, that another buildout has it, too, and
 *  that an engine keeps them waiting. */
export function tellAtOnce({ err }: Pick<Io, "err">): Reporter {
  return (event) => {
    if (event.type === "diagnostic" && AT_ONCE.has(event.diagnostic.code)) err.write(`${event.text}\n`);
  };
}
