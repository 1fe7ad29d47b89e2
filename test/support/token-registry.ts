import { createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { makeCertificate, type Registry, startRegistry } from "./registry.js";
import { temporaryFolder } from "./tmp.js";

/** What somebody showed for a token: `ann:secret` by basic authentication, `refresh TOKEN`, or nothing. */
type Shown = string;

/** Decides who gets a token. @returns seconds that it is good for; undefined refuses (401) */
export type Clerk = (shown: Shown, scopes: readonly string[]) => number | undefined;

export interface TokenRegistry extends Registry {
  /** How tokens were asked for, in that order. */
  readonly asked: Shown[];
}

const ISSUER = "test";
const SERVICE = "registry";

/**
 * A registry that takes tokens only, and the server that gives them
 * (https://distribution.github.io/distribution/spec/auth/token/, …/oauth/).
 */
export async function startTokenRegistry(clerk: Clerk): Promise<TokenRegistry> {
  const folder = await temporaryFolder();
  const certificate = makeCertificate(folder);
  const issue = issuer(folder, certificate);
  const asked: Shown[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { searchParams } = new URL(request.url ?? "", "http://token");
    const form = new URLSearchParams(await text(request));
    const shown = shownBy(request, form);
    asked.push(shown);
    const scopes = [...searchParams.getAll("scope"), ...form.getAll("scope")].flatMap((scope) =>
      scope.split(" "),
    );
    const seconds = clerk(shown, scopes.filter(Boolean));
    const token = seconds && issue(scopes.filter(Boolean), seconds);
    response.writeHead(token ? 200 : 401, { "content-type": "application/json" });
    response.end(
      JSON.stringify(token ? { token, access_token: token, expires_in: seconds } : { details: "no" }),
    );
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  const registry = await startRegistry({ tokens: { realm, service: SERVICE, issuer: ISSUER, certificate } });
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await registry.stop();
  };
  return { ...registry, asked, stop };
}

function shownBy({ headers }: IncomingMessage, form: URLSearchParams): Shown {
  const refresh = form.get("refresh_token");
  if (refresh) return `refresh ${refresh}`;
  const basic = /^Basic (.*)$/.exec(headers.authorization ?? "")?.[1] ?? "";
  return Buffer.from(basic, "base64").toString();
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");

/** Makes JSON web tokens that the registry believes: their certificate is the one that it was given. */
function issuer(folder: string, certificate: string): (scopes: readonly string[], seconds: number) => string {
  const key = createPrivateKey(readFileSync(join(folder, "key.pem")));
  const x5c = [new X509Certificate(readFileSync(certificate)).raw.toString("base64")];
  return (scopes, seconds) => {
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const [type, name, actions = ""] = scope.split(":");
      return { type, name, actions: actions.split(",") };
    });
    const times = { iat: now, nbf: now - 60, exp: now + seconds };
    const claims = { iss: ISSUER, sub: "", aud: SERVICE, jti: randomUUID(), ...times, access };
    const body = `${encoded({ typ: "JWT", alg: "ES256", x5c })}.${encoded(claims)}`;
    const signature = sign("sha256", Buffer.from(body), { key, dsaEncoding: "ieee-p1363" });
    return `${body}.${signature.toString("base64url")}`;
  };
}
