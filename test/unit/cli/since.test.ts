import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { runCli } from "../../support/in-process.js";
import { temporaryFolder } from "../../support/tmp.js";

const USER = ["-c", "user.name=a", "-c", "user.email=a@example.org"];

const git = (cwd: string, ...args: string[]) =>
  execFileSync("git", [...USER, ...args], { cwd, stdio: "pipe" });

const since = async (cwd: string, revision: string) =>
  await runCli(["install", "--since", revision], { cwd });

const unknown = (revision: string): string =>
  `error[usage/arguments]: git cannot say what has changed since ${revision}: fatal: Needed a single revision
   = help: name a commit, a branch or a tag of the repository that the buildout lies in
`;

describe("install --since", () => {
  let origin: string;
  before(async () => {
    origin = await temporaryFolder({ "buildout.cfg": "[buildout]\nparts =\n" });
    git(origin, "init", "-q");
    git(origin, "add", ".");
    for (const message of ["one", "two"]) git(origin, "commit", "-q", "--allow-empty", "-m", message);
  });

  it("takes a revision of the repository", async () => {
    expect((await since(origin, "HEAD~1")).code).to.equal(0);
    const { code, stderr } = await since(origin, "nowhere");
    expect(code).to.equal(2);
    expect(stderr).to.equal(unknown("nowhere"));
  });

  it("says of a shallow clone, as a CI makes it, that it has not all commits", async () => {
    const clone = await temporaryFolder();
    git(clone, "clone", "-q", "--depth", "1", `file://${origin}`, ".");
    const { code, stderr } = await since(clone, "HEAD~1");
    expect(code).to.equal(2);
    expect(stderr).to.equal(
      `${unknown("HEAD~1")}   = help: this clone has not all commits: fetch that one, or clone deeper\n`,
    );
  });
});
