import { RecipeError } from "./contract.js";
import { openly } from "./hidden.js";
import type { Dispatcher } from "undici";

type Environment = Readonly<Record<string, string | undefined>>;

/** How long the other side may be silent, in milliseconds, where the caller does not say. */
const SILENCE = 60_000;

/**
 * An HTTP client that goes through the proxies of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (either case)
 * and follows up to ten redirects. The caller closes it.
 * @throws RecipeError `download/proxy`
 */
export async function httpClient(env: Environment, silence = SILENCE): Promise<Dispatcher> {
  const { EnvHttpProxyAgent, interceptors } = await import("undici");
  const proxy = (name: string): string =>
    normalProxy(env[name] ?? env[name.toUpperCase()] ?? env["all_proxy"] ?? env["ALL_PROXY"] ?? "");
  const agent = new EnvHttpProxyAgent({
    httpProxy: proxy("http_proxy"),
    httpsProxy: proxy("https_proxy"),
    noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
    headersTimeout: silence,
    bodyTimeout: silence,
    // Only https is tunnelled: many proxies refuse CONNECT to other ports.
    proxyTunnel: false,
    connect: { timeout: silence / 2 },
  });
  return agent.compose(interceptors.redirect({ maxRedirections: 10 }));
}

/** undici refuses a proxy without a scheme, which every other program takes for http. */
function normalProxy(text: string): string {
  if (text === "") return "";
  const url = /^[a-z][\w+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (URL.canParse(url) && /^(https?|socks5?):$/.test(new URL(url).protocol)) return url;
  throw new RecipeError({
    code: "download/proxy",
    message: `"${shownUrl(url)}" is not a proxy that can be used`,
    help: ["set HTTP_PROXY and HTTPS_PROXY to http://host:port or socks5://host:port"],
  });
}

/** A URL for messages: without password, and without the values that a signed URL carries in its query. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return openly(text);
  const url = new URL(text);
  return `${url.protocol}//${url.host}${url.pathname}${url.search ? "?…" : ""}`;
}

/** The URL as it goes over the wire, and the header for the name and password that it held. */
export function splitCredentials(text: string): { url: string; headers: Record<string, string> } {
  const url = new URL(text);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  if (!username && !password) return { url: url.href, headers: {} };
  const pair = `${decoded(username)}:${decoded(password)}`;
  return { url: url.href, headers: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` } };
}

/** A percent sign that begins no escape stands for itself, as curl has it. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}
