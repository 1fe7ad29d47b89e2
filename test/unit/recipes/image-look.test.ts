import { expect } from "chai";
import type { ImageSummary } from "../../../src/docker/listing.js";
import type { PartRecord } from "../../../src/recipe.js";
import { broughtDrift } from "../../../src/recipes/image-brought.js";
import { imageDrift, madeBy } from "../../../src/recipes/image-look.js";

const digest = `sha256:${"d".repeat(64)}`;
const labels = { "org.tsbuildout.buildout": "b1", "org.tsbuildout.part": "app" };
const context = { buildout: { id: "b1" } } as Parameters<typeof imageDrift>[0];

const record = {
  part: "app",
  resources: [{ kind: "image", name: "app:1" }],
  outputs: { "image-id": "sha256:config", reference: "app:1", digest },
} as unknown as PartRecord;

const there = (more: Partial<ImageSummary>): readonly ImageSummary[] => [
  { Id: "sha256:manifest", RepoTags: ["app:1"], Created: 0, Size: 0, ...more },
];

const drift = (found: ReadonlyMap<string, readonly { readonly message: string }[]>): string[] =>
  (found.get("app") ?? []).map(({ message }) => message);

/** As when the engine is set to containerd's store: an id is the manifest's digest from then on. */
describe("an image whose id has changed with the engine's image store", () => {
  it("is still what was built, as its labels say", () => {
    expect(drift(imageDrift(context, there({ Labels: labels }), [record]))).to.deep.equal([]);
    expect(drift(imageDrift(context, there({ Labels: null }), [record]))).to.deep.equal([
      "image app:1 is another image now",
    ]);
  });

  it("is another one as far as labels say where there is a cache: other checkouts take earlier ones from it", () => {
    const cached = { ...record, outputs: { ...record.outputs, "cache-key": "k" } };
    expect(drift(imageDrift(context, there({ Labels: labels }), [cached]))).to.deep.equal([
      "image app:1 is another image now",
    ]);
  });

  it("is still what was pulled, as its digest says", () => {
    const same = there({ RepoDigests: [`app@${digest}`] });
    expect(drift(broughtDrift(same, [record]))).to.deep.equal([]);
    expect(drift(broughtDrift(there({ RepoDigests: null }), [record]))).to.deep.equal([
      "image app:1 is another image now",
    ]);
  });
});

const made = (id: string, ...names: string[]) =>
  madeBy({ resources: names.map((name) => ({ kind: "image", name })), outputs: { "image-id": id } });

describe("the image that a part made last", () => {
  it("is not known while an update may have made another one", () => {
    expect(made("sha256:a", "app:1")).to.equal("sha256:a");
    expect(made("sha256:a", "app:1", "sha256:b"), "of an earlier one that is still in use").to.equal(
      "sha256:a",
    );
    expect(made("sha256:a", "app:1", "sha256:a")).to.equal(undefined);
    expect(made("", "app:1")).to.equal(undefined);
    expect(madeBy(undefined)).to.equal(undefined);
  });
});
