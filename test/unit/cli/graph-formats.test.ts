import { expect } from "chai";
import { graphDot, graphMermaid, graphSvg, graphText } from "../../../src/cli/report/graph-formats.js";

const PARTS = [
  { part: "net", recipe: "docker.network", needs: [] },
  { part: 'we"b', recipe: "docker.run", needs: [{ part: "net", why: "option networks <1>" }] },
];

describe("the graph", () => {
  it("as text", () =>
    expect(graphText(PARTS)).to.equal(
      'net (docker.network)\nwe"b (docker.run)\n    after net: option networks <1>\n',
    ));
  it("for Graphviz", () =>
    expect(graphDot(PARTS)).to.equal(
      'digraph buildout {\n  rankdir=LR;\n  "net" [tooltip="docker.network"];\n  "we\\"b" [tooltip="docker.run"];\n  "net" -> "we\\"b" [label="option networks <1>"];\n}\n',
    ));
  it("for Mermaid", () =>
    expect(graphMermaid(PARTS)).to.equal(
      'flowchart LR\n  p0["net"]\n  p1["we#quot;b"]\n  p0 -->|"option networks <1>"| p1\n',
    ));
  it("as a picture, with every name and reason escaped", () => {
    const svg = graphSvg(PARTS);
    expect(svg).to.match(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="460" height="74"/);
    expect(svg).to.contain("<title>option networks &#60;1&#62;</title>").and.to.contain(">we&#34;b</text>");
  });
});
