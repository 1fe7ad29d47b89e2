import { userInfo } from "node:os";
import { isAbsolute } from "node:path";

/** The user's own folder: of HOME, where that is a whole path, else of the account. A process may have a number that is
 *  no account's, as in containers: there the root folder is what container engines give it, too. */
export function homeFolder(): string {
  const { HOME } = process.env;
  if (HOME && isAbsolute(HOME)) return HOME;
  try {
    return userInfo().homedir || "/";
  } catch {
    return "/";
  }
}
