import { expect } from "chai";
import { bindText, parseMount, parseTmpfs, parseVolume } from "../../../src/docker/mounts.js";
import { SpecError } from "../../../src/docker/spec.js";

const base = { directory: "/work", home: "/home/me" };

describe("volumes", () => {
  const cases: readonly [string, object][] = [
    ["/data", { kind: "anonymous", target: "/data" }],
    ["data:/data", { kind: "volume", source: "data", target: "/data", mode: "" }],
    ["/srv/x:/data:ro", { kind: "bind", source: "/srv/x", target: "/data", mode: "ro" }],
    ["./x:/data:ro,z", { kind: "bind", source: "/work/x", target: "/data", mode: "ro,z" }],
    ["../x:/data", { kind: "bind", source: "/x", target: "/data", mode: "" }],
    ["~/x:/data", { kind: "bind", source: "/home/me/x", target: "/data", mode: "" }],
    ["data:/data:nocopy", { kind: "volume", source: "data", target: "/data", mode: "nocopy" }],
  ];
  for (const [text, expected] of cases)
    it(`reads ${text}`, () => {
      expect(parseVolume(text, base)).to.deep.equal(expected);
    });

  const wrong: readonly [string, string][] = [
    ["data", '"data" mounts at "data", which is not absolute'],
    ["data:data", '"data:data" mounts at "data", which is not absolute'],
    ["a/b:/data", '"a/b" cannot be the name of a volume'],
    ["a:/b:ro:x", '"a:/b:ro:x" is not a volume'],
    ["a:/b:readonly", '"a:/b:readonly" has the mode "readonly", which there is not'],
    [":/b", '":/b" is not a volume'],
  ];
  for (const [text, message] of wrong)
    it(`refuses ${text}`, () => {
      expect(() => parseVolume(text, base)).to.throw(SpecError, message);
    });

  it("writes a bind as the API wants it", () => {
    const spec = parseVolume("./x:/data:ro", base);
    expect(spec.kind === "anonymous" ? "" : bindText(spec)).to.equal("/work/x:/data:ro");
  });
});

describe("mounts", () => {
  it("reads the fields of every type", () => {
    expect(parseMount("type=bind,source=./x,target=/x,readonly,bind-propagation=rslave", base)).to.deep.equal(
      {
        Type: "bind",
        Source: "/work/x",
        Target: "/x",
        ReadOnly: true,
        BindOptions: { Propagation: "rslave" },
      },
    );
    expect(
      parseMount(
        'src=data,dst=/x,volume-driver=local,"volume-opt=o=a,b",volume-label=k=v,volume-nocopy',
        base,
      ),
    ).to.deep.equal({
      Type: "volume",
      Source: "data",
      Target: "/x",
      VolumeOptions: {
        DriverConfig: { Name: "local", Options: { o: "a,b" } },
        Labels: { k: "v" },
        NoCopy: true,
      },
    });
    expect(parseMount("type=tmpfs,destination=/x,tmpfs-size=64m,tmpfs-mode=1777", base)).to.deep.equal({
      Type: "tmpfs",
      Target: "/x",
      TmpfsOptions: { SizeBytes: 67_108_864, Mode: 0o1777 },
    });
  });

  const wrong: readonly [string, string][] = [
    ["type=bind,target=/x", '"type=bind,target=/x" has no source'],
    ["source=x", '"source=x" has no target'],
    [
      "type=tmpfs,target=/x,volume-nocopy",
      '"type=tmpfs,target=/x,volume-nocopy" mixes volume-nocopy with type=tmpfs',
    ],
    ["target=/x,colour=red", 'a mount has no field "colour"'],
    ["type=nfs,target=/x", '"nfs" is not a type of mount'],
    ["target=x", '"target=x" mounts at "x", which is not absolute'],
    ["target=/x,readonly=perhaps", '"perhaps" is neither true nor false'],
  ];
  for (const [text, message] of wrong)
    it(`refuses ${text}`, () => {
      expect(() => parseMount(text, base)).to.throw(SpecError, message);
    });

  it("reads a tmpfs", () => {
    expect(parseTmpfs("/run:size=64m,mode=1777")).to.deep.equal(["/run", "size=64m,mode=1777"]);
    expect(parseTmpfs("/run")).to.deep.equal(["/run", ""]);
    expect(() => parseTmpfs("run")).to.throw(SpecError, '"run" mounts at "run", which is not absolute');
  });
});
