import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./cli.js";

/** The README that users of dockeroo have: in place where it is, else the copy. */
const shared = join(projectFolder, "../shared/originals/dockeroo.rst");
const copy = join(projectFolder, "test/fixtures/originals/dockeroo.rst");
const readme = readFileSync(existsSync(shared) ? shared : copy, "utf8");

/** Expects the copy to say what the README in place does. */
export function copyIsTrue(): void {
  if (existsSync(shared)) expect(readFileSync(copy, "utf8")).to.equal(readme);
}

/** The first code block of dockeroo's README that a line of it tells, without its indentation. */
export function readmeBlock(line: RegExp): string {
  const blocks = readme.split(/^\.\. code-block::.*$/m).slice(1);
  for (const text of blocks) {
    const body = text
      .split(/\n(?=\S)/)[0]!
      .replaceAll(/^ {4}/gm, "")
      .trim();
    if (line.test(body)) return `${body}\n`;
  }
  return expect.fail(`the README has no block with ${line}`);
}

/** The first example of ecr-docker-ci's README, an .ecr-docker-ci.yml. @param tag of the image that it builds */
export const ecrDockerCiExample = (tag: string): string => `Global:
  actions:
    - build
    - push
    - push_to_ecr

Amazon ECR:
  aws_access_key_id: 'SECRET'
  aws_secret_access_key: 'SECRET'
  region_name: 'us-west-2'
  ecr_repo_name: 'company/image'

Docker:
  tag: '${tag}'
`;
