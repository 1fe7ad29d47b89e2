import { expect } from "chai";
import { otherWith, type Sharing } from "../../../src/recipes/image-share.js";

const image = { name: "app:1", id: "sha256:a" };

/** A part that has the image, on an engine. */
const record = (url: string, id = image.id) => ({
  part: "other",
  options: { "engine-url": url },
  outputs: { "image-id": id },
  resources: [{ kind: "image", name: image.name, id }],
});

const OPTIONS: Readonly<Record<string, string>> = { "engine-url": "unix:///here" };
const text = (option: string): string | undefined => OPTIONS[option];

function other(...records: readonly object[]): string | undefined {
  return otherWith({ text, others: () => records } as unknown as Sharing, image);
}

describe("an image that several parts have", () => {
  it("is another part's where that has this very image under this name on the same engine", () => {
    expect(other(record("unix:///here"))).to.equal("other");
    expect(other(record("unix:///there")), "on another engine").to.equal(undefined);
    expect(other(record("unix:///here", "sha256:b")), "another image").to.equal(undefined);
    expect(other({ ...record("unix:///here"), resources: [] }), "nothing of that name").to.equal(undefined);
  });
});
