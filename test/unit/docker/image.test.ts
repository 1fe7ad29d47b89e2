import { expect } from "chai";
import { encodePath, findImage, tagsOf } from "../../../src/docker/image.js";
import type { ImageSummary } from "../../../src/docker/listing.js";

const image = (Id: string, tags: readonly string[], Names?: readonly string[]): ImageSummary => ({
  Id,
  RepoTags: tags,
  Created: 0,
  Size: 0,
  ...(Names && { Names }),
});

describe("the image that a name means", () => {
  const images = [image("hub", ["docker.io/library/app:1"]), image("own", ["localhost/app:1"])];

  it("is Docker Hub's, where the name has no registry", () => {
    expect(findImage(images, "app:1")?.Id).to.equal("hub");
    expect(findImage(images.slice(1), "app:1")).to.equal(undefined);
    expect(findImage(images, "localhost/app:1")?.Id).to.equal("own");
  });

  it("is first what podman has built or loaded itself", () => {
    const theirs = images.map(({ Id, RepoTags }) => image(Id, RepoTags ?? [], RepoTags ?? []));
    expect(findImage(theirs, "app:1")?.Id).to.equal("own");
    expect(findImage(theirs.slice(0, 1), "app:1")?.Id).to.equal("hub");
    expect(findImage(theirs, "docker.io/library/app:1")?.Id).to.equal("hub");
    expect(theirs.flatMap(tagsOf)).to.deep.equal(["docker.io/library/app:1", "app:1"]);
  });

  it("is asked for by a bare id as by an id", () => {
    const id = "0123456789abcdef".repeat(4);
    expect(encodePath(id)).to.equal(`sha256%3A${id}`);
    expect(encodePath("r.example:1/a/b")).to.equal("r.example%3A1/a/b");
  });
});
