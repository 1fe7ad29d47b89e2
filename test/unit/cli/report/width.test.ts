import { expect } from "chai";
import { Activity } from "../../../../src/cli/report/activity.js";
import { palette } from "../../../../src/cli/report/colors.js";
import { ttyReporter } from "../../../../src/cli/report/tty.js";
import { terminalLine } from "../../../../src/cli/report/width.js";

describe("a program's line on a terminal that it shares with others", () => {
  for (const [what, line, shown] of [
    ["is left as it is", "a plain\tline, naïve and 中文", "a plain\tline, naïve and 中文"],
    ["keeps its colours, and ends them", "\x1b[1;31mred", "\x1b[1;31mred\x1b[0m"],
    ["clears no screen and moves no cursor", "\x1b[2J\x1b[1Aa\x1b[?25lb\x1b[10;5Hc", "abc"],
    ["gives the window no title", "\x1b]0;title\x07a\x1b]0;title\x1b\\b", "ab"],
    ["rings no bell and steps not back", "a\x07b\x08c\x7f\x1b", "abc"],
    ["is the last state of a progress bar", "10 %\r20 %\r\r", "20 %"],
  ] as const)
    it(what, () => expect(terminalLine(line)).to.equal(shown));
});

it("a run on a terminal shows such lines", () => {
  let text = "";
  const { report, abandon } = ttyReporter({
    terminal: { columns: 80, rows: 24, write: (some) => (text += some) },
    palette: palette(false),
    verbose: true,
    now: () => 0,
    later: () => () => {},
  });
  report({ type: "part-log", part: "a", stream: "out", line: "\x1b[2Jcleared" });
  abandon();
  expect(text).to.equal("a | cleared\n");
});

it("a step of several lines takes one", () => {
  const activity = new Activity("a", "install", 0);
  activity.progress("RUN one \\\n  two", {});
  expect(activity.line(0, 40, 1)).to.equal("a  RUN one \\ two                  0.0 s");
});
