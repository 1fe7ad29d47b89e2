import type { Reporter } from "../../index.js";
import type { Io } from "../command.js";

/** For commands that only look: says that another run is changing what they show. */
export function tellOtherRun({ err }: Pick<Io, "err">): Reporter {
  return (event) => {
    if (event.type === "diagnostic" && event.diagnostic.code === "lock/held") err.write(`${event.text}\n`);
  };
}
