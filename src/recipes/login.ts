/** Logins at registries. */
import { credentialsFor, parseReference, type Credentials } from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";

type Asking = Pick<Context, "env" | "home" | "signal" | "secret">;

/** What a part's options say of it. */
interface Given {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** The login for the registry of a reference, see `loginAt`. */
export async function loginFor(
  context: Asking,
  reference: string,
  given: Given = {},
): Promise<Credentials | undefined> {
  return await loginAt(context, parseReference(reference).domain, given);
}

/** The login at a host, which no log shows from now on; undefined where nobody has one. @throws a problem `credentials/…` */
export async function loginAt(
  context: Asking,
  host: string,
  { username, password }: Given = {},
): Promise<Credentials | undefined> {
  const { env, home, signal } = context;
  const found = await credentialsFor(host, { env, home, signal, username, password });
  for (const text of [found?.password, found?.identityToken, found?.registryToken])
    if (text) context.secret(text);
  return found;
}
