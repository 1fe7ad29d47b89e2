import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Checkout } from "../../../../src/cli/serve/checkout.js";
import { temporaryFolder } from "../../../support/tmp.js";

const git = (cwd: string, ...args: string[]): string =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
    cwd,
    encoding: "utf8",
  }).trim();

const checkoutOf = (directory: string): Checkout =>
  new Checkout({ directory, env: process.env, signal: new AbortController().signal });

describe("the checkout that pushes are run in", () => {
  let origin: string;
  let clone: string;
  before(async () => {
    origin = await temporaryFolder({ "shop/buildout.cfg": "[buildout]\n" });
    git(origin, "init", "-q", "-b", "main");
    git(origin, "add", ".");
    git(origin, "commit", "-q", "-m", "one");
    clone = await temporaryFolder();
    git(clone, "clone", "-q", origin, ".");
  });

  const push = () => ({ branch: "main", before: "", after: git(origin, "rev-parse", "main") });

  it("has the buildout's folder where the repository has it, be it named by way of a link", async () => {
    const link = join(await temporaryFolder(), "link");
    await symlink(join(clone, "shop"), link);
    const place = await checkoutOf(link).take(push());
    expect(await readFile(join(place, "buildout.cfg"), "utf8")).to.equal("[buildout]\n");
  });

  it("is never the clone that somebody works in, though what is there is a broken one of a killed run", async () => {
    const mine = await temporaryFolder();
    git(mine, "clone", "-q", origin, ".");
    await writeFile(join(mine, "shop/buildout.cfg"), "mine\n");
    const root = join(mine, ".tsbuildout/checkout");
    await mkdir(join(root, ".git"), { recursive: true });
    const error = await checkoutOf(mine)
      .take(push())
      .catch((thrown: unknown) => thrown);
    expect(String(error)).to.contain("not a git repository");
    expect(await readFile(join(mine, "shop/buildout.cfg"), "utf8")).to.equal("mine\n");
    expect(git(mine, "rev-parse", "--abbrev-ref", "HEAD")).to.equal("main");
  });

  it("is cloned again where that was cut off", async () => {
    const mine = await temporaryFolder({ ".tsbuildout/checkout.new/.git/HEAD": "" });
    git(mine, "init", "-q");
    git(mine, "remote", "add", "origin", origin);
    expect(await checkoutOf(mine).take(push())).to.equal(join(mine, ".tsbuildout/checkout"));
  });

  it("follows when a branch has gone, and others are called as if in a folder of its name", async () => {
    git(origin, "branch", "topic");
    await checkoutOf(join(clone, "shop")).take(push());
    git(origin, "branch", "-D", "topic");
    git(origin, "branch", "topic/one");
    await checkoutOf(join(clone, "shop")).take(push());
  });
});
