import { parseReference } from "tsbuildout/docker";
import type { ConfigureContext, Schema } from "tsbuildout/recipe";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Reports a name that an engine would refuse. Names of networks may hold anything but a slash. */
export function checkName<S extends Schema>(
  context: ConfigureContext<S>,
  kind: "container" | "network" | "volume",
  name: string,
): void {
  if (kind === "network" ? name !== "" && !/[/\s]/.test(name) : NAME.test(name)) return;
  context.fail({
    code: "option/value",
    message: `"${name}" cannot be the name of a ${kind}`,
    help: [
      kind === "network"
        ? "leave out slashes and blanks"
        : "use two or more letters, digits, dots, dashes and underscores, a letter or a digit first",
    ],
    option: "name",
  });
}

/** Whether a text can be an image's name; an id is none. */
export function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}
