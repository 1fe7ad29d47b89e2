import { expect } from "chai";
import * as fc from "fast-check";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  withDefaultTag,
  type Reference,
} from "../../../src/docker/reference.js";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const cases: readonly [text: string, full: string, familiar: string][] = [
  ["busybox", "docker.io/library/busybox", "busybox"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
  ["docker.io/busybox", "docker.io/library/busybox", "busybox"],
  ["index.docker.io/library/busybox", "docker.io/library/busybox", "busybox"],
  ["me/app:a.b-c_d", "docker.io/me/app:a.b-c_d", "me/app:a.b-c_d"],
  ["localhost/app", "localhost/app", "localhost/app"],
  ["localhost:5000/app", "localhost:5000/app", "localhost:5000/app"],
  ["host:5000/a/b:t", "host:5000/a/b:t", "host:5000/a/b:t"],
  ["[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"],
  ["Host/app", "Host/app", "Host/app"],
  [`r.example/a__b/c--d@${DIGEST}`, `r.example/a__b/c--d@${DIGEST}`, `r.example/a__b/c--d@${DIGEST}`],
  [`busybox:1@${DIGEST}`, `docker.io/library/busybox:1@${DIGEST}`, `busybox:1@${DIGEST}`],
  ["docker.io/library/library/x", "docker.io/library/library/x", "docker.io/library/library/x"],
];

const wrong: readonly [text: string, why: string][] = [
  ["", "it has no name"],
  ["App", "a repository's name is in lower case"],
  ["a//b", '"a//b" is not a repository\'s name'],
  ["a:", "what follows the last colon is not a tag"],
  [`a:${"x".repeat(129)}`, "what follows the last colon is not a tag"],
  ["a@sha256:12", "what follows @ is not a digest"],
  [`a@${DIGEST}@${DIGEST}`, "it has more than one @"],
  ["a".repeat(256), "its name has more than 255 characters"],
  ["f".repeat(64), "64 hexadecimal digits are an image's id, not a name"],
  ["-host.example/a", '"-host.example" is not a registry\'s host'],
];

describe("image references", () => {
  for (const [text, full, familiar] of cases) {
    it(`reads ${text}`, () => {
      const reference = parseReference(text);
      expect(formatReference(reference)).to.equal(full);
      if (!familiar.startsWith("docker.io/library/library"))
        expect(familiarReference(reference)).to.equal(familiar);
    });
  }

  for (const [text, why] of wrong) {
    it(`refuses ${text.slice(0, 30) || "nothing"}`, () => {
      expect(() => parseReference(text)).to.throw(`"${text}" is not an image reference: ${why}`);
    });
  }

  it("takes latest where there is neither tag nor digest", () => {
    expect(withDefaultTag(parseReference("a")).tag).to.equal("latest");
    expect(withDefaultTag(parseReference("a:1")).tag).to.equal("1");
    expect(withDefaultTag(parseReference(`a@${DIGEST}`)).tag).to.equal(undefined);
  });

  it("reads both of its forms back as the same reference", () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
    const reference: fc.Arbitrary<Reference> = fc
      .record({
        domain: fc.constantFrom("docker.io", "localhost", "localhost:5000", "r.example", "[::1]:80", "R"),
        path: fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join("/")),
        tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined }),
        digest: fc.option(fc.constant(DIGEST), { nil: undefined }),
      })
      .map(({ domain, path, tag, digest }) => ({
        domain,
        path: domain === "docker.io" && !path.includes("/") ? `library/${path}` : path,
        ...(tag === undefined ? {} : { tag }),
        ...(digest === undefined ? {} : { digest }),
      }));
    fc.assert(
      fc.property(reference, (one) => {
        expect(parseReference(formatReference(one))).to.deep.equal(one);
        expect(parseReference(familiarReference(one))).to.deep.equal(one);
        expect(familiarName(one).length).to.be.at.most(`${one.domain}/${one.path}`.length);
      }),
    );
  });
});
