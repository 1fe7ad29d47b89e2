import type { Reporter } from "../../index.js";
import type { Io } from "../command.js";

const OF_OTHERS: ReadonlySet<string> = new Set(["lock/held", "state/copied"]);

/** For commands that only look: says that another run is changing what they show, or that another buildout has it, too. */
export function tellOthers({ err }: Pick<Io, "err">): Reporter {
  return (event) => {
    if (event.type === "diagnostic" && OF_OTHERS.has(event.diagnostic.code)) err.write(`${event.text}\n`);
  };
}
