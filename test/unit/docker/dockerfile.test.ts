import { expect } from "chai";
import { instructionOf } from "../../../src/docker/build-step.js";
import { imagesOf, parseDockerfile } from "../../../src/docker/dockerfile.js";

const text = (...lines: string[]): string => lines.join("\n");

describe("parseDockerfile", () => {
  it("joins continued lines, over comments and blank lines, and keeps where an instruction starts", () => {
    const { instructions } = parseDockerfile(
      text("# first", "FROM a", "run one \\", "# between", "", "  && two", "COPY a b"),
    );
    expect(instructions).to.deep.equal([
      { keyword: "FROM", rest: "a", line: 2 },
      { keyword: "RUN", rest: "one   && two", line: 3 },
      { keyword: "COPY", rest: "a b", line: 7 },
    ]);
  });

  it("reads lines that end as Windows has them, and a mark of the byte order before the first", () => {
    const source = "\uFEFF# escape=`\r\nFROM a\r\nRUN one `\r\n && two <<E\r\nFROM no\r\nE\r\nFROM b\r\n";
    const { instructions } = parseDockerfile(source);
    expect(instructions).to.deep.equal([
      { keyword: "FROM", rest: "a", line: 2 },
      { keyword: "RUN", rest: "one  && two <<E", line: 3 },
      { keyword: "FROM", rest: "b", line: 7 },
    ]);
  });

  it("takes the escape character of the directive", () => {
    const { instructions } = parseDockerfile(text("# escape=`", "FROM a", "RUN dir C:\\", "RUN b `", " c"));
    expect(instructions.map(({ rest }) => rest)).to.deep.equal(["a", "dir C:\\", "b  c"]);
  });

  it("passes over here-documents, and over what only looks like one", () => {
    const source = text(
      "FROM a",
      "RUN <<EOF sh",
      "FROM not-this",
      "EOF",
      "COPY <<-'X' <<Y /d/",
      "FROM nor-this",
      "\tX",
      "FROM b",
      "Y",
      "ONBUILD COPY <<Z.1 /z",
      "FROM not-here-either",
      "Z.1",
      "RUN cat <<NONE",
      "FROM last",
    );
    expect(parseDockerfile(source).stages.map(({ from }) => from)).to.deep.equal(["a", "last"]);
  });
});

const images = (source: string, wanted = {}): string[] => imagesOf(parseDockerfile(source), wanted);

const from = (name: string): string[] => images(`ARG A=one\nARG E=\nFROM ${name}`);

describe("imagesOf", () => {
  it("are those of the stages that the target needs", () => {
    const source = text(
      "FROM one AS a",
      "FROM two AS B",
      "COPY --from=three /x /x",
      "FROM a",
      "COPY --chown=0 --from=b /x /x",
      "RUN --mount=type=bind,from=four,target=/y true",
      "FROM five AS unused",
      "FROM scratch AS last",
      "COPY --from=2 / /",
    );
    expect(images(source)).to.deep.equal(["one", "two", "three", "four"]);
    expect(images(source, { target: "b" })).to.deep.equal(["two", "three"]);
    expect(images(source, { target: "unused" })).to.deep.equal(["five"]);
    expect(images(source, { contexts: ["two", "three"] })).to.deep.equal(["one", "four"]);
  });

  it("may stand in quotes, and are told by flags only where flags are", () => {
    const lines = [
      'FROM "one:1" AS a',
      "FROM 'two:1'",
      'COPY --chown=1 --from="three:1" f /',
      'RUN --network=none --mount=target=/m,source=/,"from=four:1" true',
      "RUN --mount=type=cache,target=/c echo --mount=from=none:1 it's",
      "COPY f --from=none:2 /",
      "COPY --from=a f /",
    ];
    expect(imagesOf(parseDockerfile(lines.join("\n")))).to.have.members([
      "one:1",
      "two:1",
      "three:1",
      "four:1",
    ]);
  });

  it("have their variables filled in, from defaults and build arguments", () => {
    const source = text(
      "ARG TAG=1",
      'ARG NAME="app-${TAG}" NONE',
      "FROM $NAME:${TAG:-x}",
      "COPY --from=${NONE:-fallback} / /",
      "COPY --from=x${TAG:+-set} / /",
      "COPY --from=$NONE / /",
    );
    expect(images(source)).to.deep.equal(["app-1:1", "fallback", "x-set"]);
    expect(images(source, { buildArgs: { TAG: "2", NONE: "here" } })).to.deep.equal([
      "app-2:2",
      "here",
      "x-set",
    ]);
    expect(images("FROM --platform=$BUILDPLATFORM busybox AS b\nFROM b")).to.deep.equal(["busybox"]);
  });

  it("have defaults with variables in them, and variables with signs of any kind", () => {
    for (const [name, image] of [
      ["${NO:-${A}}", "one"],
      ["${NO:-${ALSO:-x/${A}}}:1", "x/one:1"],
      ["${NO-$A}", "one"],
      ["${E:-two}", "two"],
      ["x${E-two}", "x"],
      ["x${E:+two}", "x"],
      ["x${E+-two}", "x-two"],
      ["${A:?is needed}", "one"],
      ["r.example/${A}/$A", "r.example/one/one"],
    ] as const)
      expect(from(name), name).to.deep.equal([image]);
    for (const name of ["$NO", "${NO:?is needed}", "${A%e}", "${A", "a${NO}b"])
      expect(() => from(name), name).not.to.throw();
    expect(from("a${NO}b")).to.deep.equal([]);
  });

  it("are those of every stage that a name may mean which only the builder can fill in", () => {
    const source = text(
      "FROM one AS base-amd64",
      "FROM two AS base-arm64",
      "FROM three AS other",
      "FROM base-$TARGETARCH",
    );
    expect(images(source)).to.deep.equal(["one", "two"]);
  });

  it("are none of those that a context stands in for, however they are called", () => {
    const contexts = ["busybox", "team/app"];
    const source = text(
      "FROM docker.io/library/busybox:latest AS a",
      "COPY --from=team/app:latest / /",
      "FROM busybox:1",
      "COPY --from=a / /",
    );
    expect(images(source, { contexts })).to.deep.equal(["busybox:1"]);
  });

  it("are none of what is no Dockerfile", () => {
    for (const source of ["", "\u0000\u0001", "hello world", "FROM", "FROM a AS a\nFROM a AS a"])
      expect(() => images(source)).not.to.throw();
  });
});

describe("instructionOf", () => {
  const dockerfile = parseDockerfile(
    text(
      "ARG V=1",
      "FROM base AS build",
      "ENV A=b",
      "WORKDIR /w",
      "RUN make",
      "FROM build AS test",
      "RUN check",
      "FROM other",
      "COPY --from=build / /",
      "RUN last",
    ),
  );
  const line = (name: string): number | undefined => instructionOf(dockerfile, name)?.line;

  it("finds BuildKit's steps by stage and number", () => {
    expect(line("[build 1/3] FROM docker.io/library/base")).to.equal(2);
    expect(line("[build 3/3] RUN make")).to.equal(5);
    expect(line("[test 1/1] RUN check")).to.equal(7);
    expect(line("[stage-2 2/3] COPY --from=build / /")).to.equal(9);
    expect(line("[linux/arm64 stage-2 3/3] RUN last")).to.equal(10);
  });

  it("finds the classic builder's by number", () => {
    expect(line("Step 1/10 : ARG V=1")).to.equal(1);
    expect(line("Step 5/10 : RUN make")).to.equal(5);
  });

  it("finds them after what an image brings along, and for that the FROM", () => {
    const triggered = parseDockerfile(text("FROM a AS x", "FROM triggers", "COPY a b", "RUN make"));
    const at = (name: string): number | undefined => instructionOf(triggered, name)?.line;
    expect(at("[stage-1 1/5] FROM docker.io/library/triggers")).to.equal(2);
    expect(at("[stage-1 2/5] ONBUILD RUN one")).to.equal(2);
    expect(at("[stage-1 4/5] COPY a b")).to.equal(3);
    expect(at("[stage-1 5/5] RUN make")).to.equal(4);
    expect(at("[stage-1 3/5] RUN other")).to.equal(undefined);
  });

  it("finds podman's by stage and number", () => {
    expect(line("STEP 1/4: FROM base AS build")).to.equal(2);
    expect(line("[1/3] STEP 4/4: RUN make")).to.equal(5);
    expect(line("[3/3] STEP 2/3: COPY --from=build / /")).to.equal(9);
    // A stage that it has left out.
    expect(line("[2/2] STEP 3/3: RUN last")).to.equal(undefined);
  });

  it("finds nothing for what is no instruction", () => {
    for (const name of [
      "[internal] load build context",
      "exporting to image",
      "[9/9] RUN x",
      "[build 2/7] RUN x",
    ])
      expect(line(name), name).to.equal(undefined);
  });
});
