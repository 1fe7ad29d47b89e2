import { expect } from "chai";
import * as fc from "fast-check";
import { slugOf, tagsOfCommit } from "../../../src/recipes/images-tags.js";

const tags = (asked: string, commit: object) => tagsOfCommit(asked.split(" "), commit).tags;

describe("the tags of a commit", () => {
  const sha = "54b820607719a2ba8434cfb7b297cebfe5646ab5";
  const on = (branch: string) => ({ sha, branch, defaultBranch: "main" });

  it("are latest on the default branch only, the branch's slug, and the commit", () => {
    expect(tags("latest slug sha", on("main"))).to.deep.equal(["latest", "main", sha]);
    expect(tags("latest slug sha", on("Feature/Über_x"))).to.deep.equal(["feature--ber-x", sha]);
    const proposed = { ...on("main"), proposed: true };
    expect(tags("latest slug", proposed), "the branch of a fork, say").to.deep.equal(["main"]);
    expect(tags("short-sha stable", on("main"))).to.deep.equal(["54b82060", "stable"]);
  });

  it("are the versions of a tag of git, and for another tag its slug", () => {
    expect(tags("latest slug semver", { sha, tag: "v1.2.3", defaultBranch: "main" })).to.deep.equal([
      "v1-2-3",
      "1.2.3",
      "1.2",
      "1",
    ]);
    expect(tags("semver", { tag: "0.4.1" })).to.deep.equal(["0.4.1", "0.4"]);
    expect(tags("semver", { tag: "v2.0.0-rc.1" })).to.deep.equal(["2.0.0-rc.1"]);
    expect(tags("semver", { tag: "v2.0.0+build.7" })).to.deep.equal(["2.0.0", "2.0", "2"]);
    expect(tags("semver", { tag: "nightly" })).to.deep.equal([]);
    // On a branch, a tag at the same commit adds its versions.
    expect(tags("latest slug semver", { ...on("main"), tag: "v1.0.0" })).to.deep.equal([
      "latest",
      "main",
      "1.0.0",
      "1.0",
      "1",
    ]);
  });

  it("name the words for which nothing is known", () => {
    expect(tagsOfCommit(["latest", "slug", "sha", "short-sha", "semver", "x"], {})).to.deep.equal({
      tags: ["x"],
      unknown: ["latest", "slug", "sha", "short-sha"],
    });
  });

  it("have slugs that fit into a tag", () => {
    expect(slugOf("--a//b--")).to.equal("a--b");
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(slugOf(text)).to.match(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)?$/);
        expect(slugOf(slugOf(text))).to.equal(slugOf(text));
      }),
    );
  });
});
