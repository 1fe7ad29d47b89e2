/** Options that are secrets whatever their recipe says, or when it is not known (yet): the file may not even be read
 *  to its end. */
const SECRET =
  /(password|passwd|passphrase|(^|[-_.])(secret|token|credentials?|(api|access|private|secret)[-_]?key))($|[-_.])/i;
/** Of these only where the secret is. */
const WHERE = /[-_.](file|path|dir|directory|name|url|env|user)$/i;

/** Names recur in every part. */
const judged = new Map<string, boolean>();

/** Whether an option, or a variable of the environment, of this name is a secret, where no recipe says what it is. */
export function isSecretName(name: string): boolean {
  let known = judged.get(name);
  if (known === undefined) judged.set(name, (known = SECRET.test(name) && !WHERE.test(name)));
  return known;
}
