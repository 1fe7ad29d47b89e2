import { expect } from "chai";
import { referencesOf } from "../../../src/recipes/build-names.js";
import { pushTargets, type PushOptions } from "../../../src/recipes/push-options.js";
import { problemOf } from "../../support/problem.js";

const problem = async (names: Parameters<typeof referencesOf>[0]) =>
  await problemOf(async () => await Promise.resolve(referencesOf(names)));

describe("referencesOf", () => {
  it("puts name, tag, tags and registry together", () => {
    expect(referencesOf({ name: "app" })).to.deep.equal(["app:latest"]);
    expect(referencesOf({ name: "app:1", tags: ["2", "r:5/x:3", "1", "2"] })).to.deep.equal([
      "app:1",
      "app:2",
      "r:5/x:3",
    ]);
    expect(referencesOf({ name: "app:1", tag: "9" })).to.deep.equal(["app:9"]);
    expect(referencesOf({ name: "ignored", tag: "test_image:v0.1" })).to.deep.equal(["test_image:v0.1"]);
    expect(referencesOf({ name: "a/b", registry: "https://r:5000/v2/" })).to.deep.equal([
      "r:5000/a/b:latest",
    ]);
    expect(referencesOf({ name: "r:5000/a", registry: "r:5000" })).to.deep.equal(["r:5000/a:latest"]);
    for (const hub of ["docker.io", "index.docker.io", "https://index.docker.io/v1/"])
      expect(referencesOf({ name: "a", registry: hub }), hub).to.deep.equal(["a:latest"]);
    for (const other of ["my.docker.io", "docker.io.example"])
      expect(referencesOf({ name: "a", registry: other }), other).to.deep.equal([`${other}/a:latest`]);
    expect(referencesOf({ name: "app", digests: true })).to.deep.equal(["app:latest"]);
  });

  it("blames the option that is wrong", async () => {
    const digest = `a@sha256:${"0".repeat(64)}`;
    expect(await problem({ name: "App" })).to.include({ code: "reference/invalid", option: "name" });
    expect(await problem({ name: "app", tag: "a b" })).to.include({
      code: "reference/invalid",
      option: "tag",
    });
    expect(await problem({ name: digest })).to.include({ code: "reference/invalid", option: "name" });
    expect(await problem({ name: digest, named: "repository", tag: "1" })).to.include({
      code: "reference/invalid",
      option: "repository",
    });
    const about = async (names: object) => await problem({ name: "app", ...names });
    expect(await about({ registry: "no host" })).to.include({ option: "registry" });
    expect(await about({ registry: "ann" })).to.deep.equal({
      code: "reference/invalid",
      message: '"ann" is not a registry\'s host',
      help: [
        "a registry's host has a dot or a port, or is localhost; a user of Docker Hub goes before the name",
      ],
      option: "registry",
    });
    expect(await about({ registry: "r.example/Team" })).to.include({ option: "registry" });
    expect(await about({ name: "App", registry: "r.example" })).to.include({ option: "name" });
    expect(await about({ name: "r:5/app", registry: "r.example" })).to.include({
      message: '"r:5/app" names a registry of its own, which is not r.example',
      option: "registry",
    });
    expect(referencesOf({ name: digest, digests: true })).to.deep.equal([digest]);
    const tagged = digest.replace("@", ":1@");
    expect(referencesOf({ name: tagged, digests: true })).to.deep.equal([tagged]);
    expect(await problem({ name: digest, digests: true, tag: "1" })).to.deep.equal({
      code: "option/conflict",
      message: `"${digest}" says by its digest which image is meant, and tag by a tag`,
      help: ["leave one of them away; for those who read it, a tag may stand before the @"],
      option: "tag",
    });
  });
});

const options = (more: Partial<PushOptions>): PushOptions =>
  ({ name: "app", tags: [], ...more }) as PushOptions;

const asked = async (name: string) =>
  await problemOf(async () => await Promise.resolve(pushTargets(options({ name }))));

describe("pushTargets", () => {
  it("says what is pushed where", () => {
    expect(pushTargets(options({ tag: "1", tags: ["latest"], registry: "r:5" }))).to.deep.equal({
      source: "app:1",
      targets: ["r:5/app:1", "r:5/app:latest"],
    });
    expect(pushTargets(options({ name: "app:1", repository: "team/x", registry: "r:5" }))).to.deep.equal({
      source: "app:1",
      targets: ["r:5/team/x:1"],
    });
    expect(referencesOf({ name: "a/b", registry: "r:5/team/" })).to.deep.equal(["r:5/team/a/b:latest"]);
    const tagged = { repository: "r:5/x:v1", tags: ["v2"] };
    expect(pushTargets(options(tagged)).targets, "not latest").to.deep.equal(["r:5/x:v1", "r:5/x:v2"]);
    expect(pushTargets(options({ ...tagged, tag: "3" })), "each its own").to.deep.equal({
      source: "app:3",
      targets: ["r:5/x:v1", "r:5/x:v2"],
    });
    const id = `sha256:${"a".repeat(64)}`;
    expect(
      pushTargets(options({ ...tagged, name: id, tag: "3" })).targets,
      "all that is asked",
    ).to.deep.equal(["r:5/x:v1", "r:5/x:3", "r:5/x:v2"]);
    expect(pushTargets(options({ name: id, repository: "r:5/x", tag: "2" }))).to.deep.equal({
      source: id,
      targets: ["r:5/x:2"],
    });
  });

  it("pushes what has no tag of its own, an id or a digest, under the tags that are asked for and no others", () => {
    const id = `sha256:${"a".repeat(64)}`;
    const digest = `r:5/app@${id}`;
    const to = (more: Partial<PushOptions>): readonly string[] => pushTargets(options(more)).targets;
    expect(pushTargets(options({ name: digest, repository: "q:5/x", tags: ["1", "live"] }))).to.deep.equal({
      source: digest,
      targets: ["q:5/x:1", "q:5/x:live"],
    });
    expect(to({ name: id, repository: "q:5/x", tags: ["1", "live"] })).to.deep.equal([
      "q:5/x:1",
      "q:5/x:live",
    ]);
    expect(to({ name: digest, repository: "q:5/x", tag: "2", tags: ["3"] })).to.deep.equal([
      "q:5/x:2",
      "q:5/x:3",
    ]);
    expect(to({ name: digest.replace("@", ":7@"), repository: "q:5/x" })).to.deep.equal(["q:5/x:7"]);
    expect(to({ name: digest, repository: "q:5/x" })).to.deep.equal(["q:5/x:latest"]);
    expect(to({ name: digest, tags: ["live"] }), "another tag where it is").to.deep.equal(["r:5/app:live"]);
  });

  it("blames the repository, where that is the name there", async () => {
    const wrong = options({ repository: "Team" });
    expect(await problemOf(async () => await Promise.resolve(pushTargets(wrong)))).to.include({
      option: "repository",
    });
  });

  it("asks for a name where there is only an id or a digest", async () => {
    const id = "a".repeat(64);
    expect(await asked(id)).to.deep.equal({
      code: "reference/invalid",
      message: `${id} is an id: what is it to be called in the registry?`,
      help: ["set repository"],
      option: "name",
    });
    expect(await asked(`r:5/app@sha256:${id}`)).to.deep.equal({
      code: "reference/invalid",
      message: `r:5/app@sha256:${id} is a digest: what is it to be called in the registry?`,
      help: ["set repository, tag or tags"],
      option: "name",
    });
  });
});
