import { userInfo } from "node:os";

/** The user's own folder: of HOME, where it is set and not empty, else of the account. A process may have a number that is
 *  no account's, as in containers: there the root folder is what container engines give it, too. */
export function homeFolder(): string {
  const { HOME } = process.env;
  if (HOME) return HOME;
  try {
    return userInfo().homedir || "/";
  } catch {
    return "/";
  }
}
