import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOWEST = 10_000;

/**
 * A port of 127.0.0.1 that nothing listens on, for a program that cannot choose one by itself. It is none of those that
 * the system gives to connections and to listeners without a wish: one of them, if only of a client that asks whether
 * the program is there, could take it before the program does.
 */
export async function freePort(): Promise<number> {
  const highest = firstOfTheSystems() - 1;
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (highest - LOWEST));
    if (await isFree(port)) return port;
  }
}

/** Where it is not said, or there is too little room below, what Linux has by default. */
function firstOfTheSystems(): number {
  try {
    const first = Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
    return first > LOWEST + 1000 ? first : 32_768;
  } catch {
    return 32_768;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
