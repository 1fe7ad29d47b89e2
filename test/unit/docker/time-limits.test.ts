import diagnostics from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import type { Socket } from "node:net";
import { mock } from "node:test";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { connectTo, fakeEngine } from "../../support/listening.js";

/** Three days, in milliseconds: longer than any limit that somebody would think of. */
const LONG = 3 * 24 * 3600 * 1000;

/** Connections that this process has made. */
const made: Socket[] = [];
const note = (message: unknown): void => void made.push((message as { readonly socket: Socket }).socket);

describe("time limits", () => {
  /** The deadlines that anything here has set by AbortSignal.timeout: the test's to reach. */
  const deadlines: AbortController[] = [];
  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    mock.method(AbortSignal, "timeout", () => {
      const deadline = new AbortController();
      deadlines.push(deadline);
      return deadline.signal;
    });
    diagnostics.subscribe("net.client.socket", note);
  });
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
    diagnostics.unsubscribe("net.client.socket", note);
    deadlines.length = 0;
    made.length = 0;
  });

  it("cut no long wait: neither one for an answer, nor one within it, nor one on a raw connection", async () => {
    const waiting: (() => void)[] = [];
    const arrivals = new EventEmitter();
    const all = once(arrivals, "third");
    const hold = (end: () => void): void => {
      if (waiting.push(end) === 3) arrivals.emit("third");
    };
    const server = await fakeEngine((request, response) => {
      if (request.url?.endsWith("/logs")) response.write("one ");
      hold(() => response.end(request.url?.endsWith("/logs") ? "two" : '{"StatusCode":3}'));
    });
    server.server.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      hold(() => socket.end("bytes"));
    });
    const engine = await connectTo(server.url);
    try {
      const answer = engine.request({ method: "POST", path: "/containers/c/wait" });
      const body = engine.stream({ path: "/containers/c/logs" }).then(text);
      const raw = engine.hijack({ method: "POST", path: "/session" }).then(text);
      await all;
      mock.timers.tick(LONG);
      for (const deadline of deadlines) deadline.abort(new Error("too late"));
      // The timers of sockets are not the process's own, and cannot be wound on: none is set.
      for (const socket of made) expect(socket.timeout ?? 0).to.equal(0);
      for (const end of waiting) end();
      expect(await answer).to.deep.equal({ StatusCode: 3 });
      expect(await body).to.equal("one two");
      expect(await raw).to.equal("bytes");
      expect(made, "beside that of the first question").to.have.lengthOf(4);
      expect(deadlines, "what limits the first question alone").to.have.lengthOf(1);
    } finally {
      await engine.close();
      await server.close();
    }
  });
});
