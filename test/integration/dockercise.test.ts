import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder, tsbuildout } from "../support/cli.js";
import { engineRemove } from "../support/engine.js";
import { ensureBaseImage } from "../support/images.js";
import { imageWithPrograms } from "../support/stand-ins.js";
import { temporaryFolder } from "../support/tmp.js";

const AWS = "pebbletech/docker-aws-cli";
const GIT = "bravissimolabs/alpine-git";

/** What the pipeline calls, as far as it calls it. `aws` refuses keys that assume-role did not give. */
const PROGRAMS = {
  aws: `case "$1 $2" in
"sts assume-role")
  echo '{"Credentials": {"AccessKeyId": "AKIA1", "SecretAccessKey": "secret/1", "SessionToken": "token=1"}}' ;;
"cloudformation create-stack")
  [ "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN" = "AKIA1 secret/1 token=1" ] || exit 254
  cat "$(echo "$6" | sed s,file://,,)" && echo created in $AWS_DEFAULT_REGION ;;
"cloudformation wait")
  [ "$AWS_SESSION_TOKEN" = token=1 ] && echo complete ;;
*) exit 255 ;;
esac
`,
  jq: `[ "$1" = -r ] || exit 2
sed -n 's/.*"'\${2##*.}'": "\\([^"]*\\)".*/\\1/p'
`,
};

describe("the pipeline of the dockercise example", () => {
  let folder: string;
  before(async () => {
    await ensureBaseImage();
    await imageWithPrograms(AWS, PROGRAMS);
    await imageWithPrograms(GIT, {
      git: 'for last in "$@"; do :; done\necho "Resources: {}" > "$last/example.yaml"\n',
    });
    folder = await temporaryFolder();
    await cp(join(projectFolder, "examples/dockercise"), folder, { recursive: true });
  });
  after(async () => {
    await tsbuildout(["uninstall", "--all"], { cwd: folder });
    for (const image of [AWS, GIT]) await engineRemove("images", image);
  });

  it("is what init makes of the original's file", async () => {
    const made = await tsbuildout(["-c", "made.cfg", "init", "--from", "dockercise", "stages.yaml"], {
      cwd: folder,
    });
    expect(made).to.deep.include({ code: 0, stderr: "" });
    expect(await readFile(join(folder, "made.cfg"), "utf8")).to.equal(
      await readFile(join(folder, "buildout.cfg"), "utf8"),
    );
  });

  it("says which variable of the environment it lacks", async () => {
    const { code, stderr } = await tsbuildout(["install"], { cwd: folder });
    expect(code).to.equal(2);
    expect(stderr).to.contain(
      'error[stage/env-unset]: "AWS_DEFAULT_REGION" is neither a stage nor a variable of the environment',
    );
  });

  it("runs, hands keys and code on, and runs nothing the second time", async () => {
    const env = { AWS_DEFAULT_REGION: "eu-west-1" };
    const first = await tsbuildout(["install"], { cwd: folder, env });
    expect(first.stderr).to.equal("");
    expect(first.stdout).to.contain("create-stack | Resources: {}\ncreate-stack | created in eu-west-1\n");
    expect(first.stdout).to.contain("wait-for-success | complete\n");
    expect(first.stdout).to.match(/\n7 installed \(/);
    const second = await tsbuildout(["install"], { cwd: folder, env });
    expect(second.stdout).to.match(/^nothing changed: 7 unchanged/);
  });
});
