// Fetches the page of the quick start's container, through the port of this machine that the engine chose for it.
import http from "node:http";
import { candidates, request } from "./lib/endpoints.mjs";

const [endpoint] = candidates();
const container = JSON.parse(await request(endpoint, { path: "/containers/quickstart-web/json" }));
const [{ HostPort: port }] = container.NetworkSettings.Ports["80/tcp"];
// An engine elsewhere publishes on its own machine, where this one cannot look.
const url = `http://127.0.0.1:${port}/cgi-bin/hello`;
process.stdout.write(`$ curl ${url}\n`);
http
  .get(url, (response) => response.pipe(process.stdout))
  .on("error", ({ message }) => process.stdout.write(`no answer: ${message}\n`));
