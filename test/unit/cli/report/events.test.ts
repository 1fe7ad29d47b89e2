import { expect } from "chai";
import type { Invocation } from "../../../../src/cli/command.js";
import { reported } from "../../../../src/cli/report/events.js";

describe("a run that is reported as JSON", () => {
  it("says exactly part/skipped where nothing failed and yet not all was done", async () => {
    let written = "";
    const io = {
      out: { write: (text: string) => void (written += text) },
      signal: new AbortController().signal,
    };
    const invocation = { globals: { json: true }, io } as unknown as Invocation;
    const code = await reported(invocation, async () => ({ ok: false, interrupted: false }));
    expect(code).to.equal(1);
    expect(JSON.parse(written)).to.deep.equal({
      error: { code: "part/skipped", message: "not all parts could be worked on", notes: [] },
    });
  });
});
