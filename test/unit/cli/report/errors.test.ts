import { expect } from "chai";
import { reportDiagnostics } from "../../../../src/cli/report/failure.js";
import { plainReporter } from "../../../../src/cli/report/plain.js";
import { ttyReporter } from "../../../../src/cli/report/tty.js";
import { PLAIN } from "../../../../src/cli/report/colors.js";
import { type Diagnostic, renderDiagnostic, type Event, type PartResult } from "../../../../src/index.js";

type Told = Extract<Event, { type: "diagnostic" }>;

function told(diagnostic: Diagnostic): Told {
  return {
    type: "diagnostic",
    diagnostic: { ...diagnostic, notes: [], help: [] },
    text: renderDiagnostic(diagnostic),
  };
}

function unreachable(part: string, engine: string): Told {
  return told({
    severity: "error",
    code: "engine/unreachable",
    message: `cannot reach the Docker engine at ${engine}`,
    part,
    help: ["is the Docker engine running?"],
  });
}

function ended(parts: readonly PartResult[]): Event {
  const counts = { done: 0, unchanged: 0, failed: parts.length, skipped: 0, aborted: 0 };
  return { type: "run-ended", summary: { ok: false, interrupted: false, parts, counts, seconds: 1 } };
}

const failed = (part: string, why: string): PartResult => ({ part, action: "install", end: "failed", why });

const EVENTS: readonly Event[] = [
  unreachable("a", "unix:///here"),
  unreachable("b", "tcp://there"),
  told({ severity: "warning", code: "option/unknown", message: "what is x?", part: "a" }),
  unreachable("c", "unix:///here"),
  told({ severity: "error", code: "build/failed", message: "a step failed", part: "d" }),
  ended([
    failed("a", "no engine"),
    failed("b", "no other"),
    failed("c", "no engine"),
    failed("d", "a step failed"),
  ]),
];

const ERRORS = `error[engine/unreachable]: cannot reach the Docker engine at unix:///here (parts a, c)
   = help: is the Docker engine running?
error[engine/unreachable]: cannot reach the Docker engine at tcp://there (part b)
   = help: is the Docker engine running?
error[build/failed]: a step failed (part d)
`;
const SUMMARY = `4 failed (1.0 s)
  a, c failed: no engine
  b failed: no other
  d failed: a step failed
`;

function plain(events: readonly Event[]) {
  const text = { out: "", err: "" };
  const out = { isTTY: false, write: (some: string) => (text.out += some) };
  const err = { isTTY: false, write: (some: string) => (text.err += some) };
  const teller = plainReporter({ out, err, verbosity: 0 });
  for (const event of events) teller.report(event);
  return { text, teller };
}

function terminal(events: readonly Event[]) {
  let text = "";
  const teller = ttyReporter({
    terminal: { columns: 80, rows: 24, write: (some) => (text += some) },
    palette: PLAIN,
    verbose: false,
    now: () => 0,
    later: () => () => {},
  });
  for (const event of events) teller.report(event);
  return { text: () => text, teller };
}

describe("the errors of a run", () => {
  it("are one for each engine that does not answer, after the summary; warnings come at once", () => {
    const { text } = plain(EVENTS);
    expect(text.out).to.equal(SUMMARY);
    expect(text.err).to.equal(`warning[option/unknown]: what is x? (part a)\n${ERRORS}`);
  });

  it("are the same on a terminal", () => {
    const { text } = terminal(EVENTS);
    expect(text().endsWith(SUMMARY + ERRORS)).to.equal(true);
  });

  it("come after what is said of an interruption", () => {
    for (const { text, teller } of [terminal(EVENTS.slice(0, -1)), plain(EVENTS.slice(0, -1))]) {
      teller.note("interrupted");
      teller.report(EVENTS.at(-1)!);
      const out = typeof text === "function" ? text() : text.out;
      expect(out).to.match(/(^|\n)interrupted\n/);
      expect(out.indexOf("interrupted\n")).to.be.lessThan(out.indexOf(SUMMARY));
    }
  });

  it("are told as well where the run is cut off", () => {
    const cut = plain(EVENTS.slice(0, -1));
    cut.teller.abandon();
    expect(cut.text.err.endsWith(ERRORS)).to.equal(true);
    const seen = terminal(EVENTS.slice(0, -1));
    seen.teller.abandon();
    expect(seen.text().endsWith(ERRORS)).to.equal(true);
  });

  it("name eight parts, and the number of further ones", () => {
    const parts = Array.from({ length: 100 }, (_, i) => `p${i}`);
    const { text } = plain([
      ...parts.map((part) => unreachable(part, "unix:///here")),
      ended(parts.map((part) => failed(part, "no engine"))),
    ]);
    expect(text.out).to.equal(
      "100 failed (1.0 s)\n  p0, p1, p2, p3, p4, p5, p6, p7 and 92 more failed: no engine\n",
    );
    expect(text.err).to.contain("(parts p0, p1, p2, p3, p4, p5, p6, p7 and 92 more)\n");
  });

  it("are as few where they keep a command from beginning", () => {
    let text = "";
    const err = { isTTY: false, write: (some: string) => (text += some) };
    const io = {
      cwd: "/",
      home: "/",
      env: {},
      input: async () => Buffer.alloc(0),
      out: err,
      err,
      signal: new AbortController().signal,
    };
    const diagnostics = ["a", "b"].map((part): Diagnostic => {
      const message = "cannot reach the Docker engine at unix:///here";
      return { severity: "error", code: "engine/unreachable", message, part };
    });
    expect(reportDiagnostics(diagnostics, { io, json: false, debug: false })).to.equal(2);
    expect(text).to.equal(
      "error[engine/unreachable]: cannot reach the Docker engine at unix:///here (parts a, b)\n",
    );
  });
});

describe("a hundred thousand parts that fail alike", () => {
  // Were the time of each to grow with their number, it would be minutes.
  it("are one message, and one line of the summary", () => {
    const parts = Array.from({ length: 100_000 }, (_, i) => `p${i}`);
    const said = { out: "", err: "" };
    const { report } = plainReporter({
      out: { isTTY: false, write: (text) => (said.out += text) },
      err: { isTTY: false, write: (text) => (said.err += text) },
      verbosity: 0,
    });
    for (const part of parts) report(unreachable(part, "unix:///here"));
    report(ended(parts.map((part) => failed(part, "no engine"))));
    const all = "p0, p1, p2, p3, p4, p5, p6, p7 and 99992 more";
    expect(said.err).to.contain(`cannot reach the Docker engine at unix:///here (parts ${all})`);
    expect(said.out).to.contain(`\n  ${all} failed: no engine\n`);
  });
});
