/** The proxies that the docker CLI's settings want what runs on an engine to use. */
import { proxyVariables, type Engine } from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";

/** Variables by name, in both spellings; their passwords are secrets from now on. @throws a problem `credentials/bad-config` */
export async function proxiesFor(
  context: Pick<Context, "env" | "home" | "secret">,
  engine: Engine,
): Promise<Readonly<Record<string, string>>> {
  const proxies = await proxyVariables(engine.endpoint, context);
  hidePasswords(context, Object.values(proxies));
  return proxies;
}

/** Variables `NAME=VALUE` of what runs on an engine, with the proxies whose names are not among them. */
export async function withProxies(
  context: Pick<Context, "env" | "home" | "secret">,
  engine: Engine,
  variables: readonly string[],
): Promise<string[]> {
  const named = new Set(variables.map((variable) => variable.split("=", 1)[0]));
  const proxies = Object.entries(await proxiesFor(context, engine));
  return [
    ...proxies.filter(([name]) => !named.has(name)).map(([name, url]) => `${name}=${url}`),
    ...variables,
  ];
}

/** @param env `NAME=VALUE` each, of a container that may have been made under other settings */
export function hideProxies(context: Pick<Context, "secret">, env: readonly string[]): void {
  hidePasswords(
    context,
    env.flatMap((variable) => /^\w+_proxy=(.*)$/is.exec(variable)?.[1] ?? []),
  );
}

function hidePasswords(context: Pick<Context, "secret">, urls: readonly string[]): void {
  for (const url of urls) {
    const password = /^(?:[\w+.-]+:\/\/)?[^:@]*:(.+)@/.exec(url)?.[1];
    if (password) context.secret(password);
  }
}
