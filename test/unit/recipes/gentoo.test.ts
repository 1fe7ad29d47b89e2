import { expect } from "chai";
import * as fc from "fast-check";
import { execFileSync } from "node:child_process";
import { splitWords } from "../../../src/recipe.js";
import { parseArchive } from "../../../src/recipes/gentoo-archive-lines.js";
import { binfmtLine } from "../../../src/recipes/gentoo-binfmt.js";
import { checkLanded, overtaken, parseIndex, parseRecords } from "../../../src/recipes/gentoo-builds.js";
import { chrootOf, commandText, inside, type Target } from "../../../src/recipes/gentoo-chroot.js";
import { commitBody } from "../../../src/recipes/gentoo-commit.js";
import { parseCopy } from "../../../src/recipes/gentoo-copy-lines.js";
import { EmergeReport } from "../../../src/recipes/gentoo-emerge.js";
import { equeryAtom, nameOf, parseAnswers } from "../../../src/recipes/gentoo-installed.js";
import { imageName, parseHealthcheck } from "../../../src/recipes/gentoo-options.js";
import {
  parsePlatform,
  platformText,
  processorOf,
  runsNatively,
} from "../../../src/recipes/gentoo-platform.js";
import { filled } from "../../../src/recipes/gentoo-sparse.js";
import { isLatestPage, parseDigests, parseLatest } from "../../../src/recipes/gentoo-stage3.js";
import { containerName } from "../../../src/recipes/bootstrap-steps.js";
import { problemOf } from "../../support/problem.js";

describe("a line of archives", () => {
  const md5 = "0123456789abcdef0123456789abcdef";
  for (const [line, archive] of [
    ["http://x/a.tar", { url: "http://x/a.tar", prefix: "" }],
    ["a.tar /", { url: "a.tar", prefix: "" }],
    ["a.tar /usr/", { url: "a.tar", prefix: "usr" }],
    ["a.tar var//db", { url: "a.tar", prefix: "var/db" }],
    [`a.tar ${md5}`, { url: "a.tar", prefix: "", checksum: md5 }],
    [`a.tar / sha256:${md5}${md5}`, { url: "a.tar", prefix: "", checksum: `sha256:${md5}${md5}` }],
  ] as const)
    it(`is read: ${line.slice(0, 30)}`, () => expect(parseArchive(line)).to.deep.equal(archive));

  it("is refused with what is wrong", () => {
    expect(() => parseArchive("a /p x")).to.throw('"a /p x" is not an archive: "x" is not a checksum');
    expect(() => parseArchive("a ../p")).to.throw(
      '"a ../p" is not an archive: the prefix "../p" leaves the root',
    );
    expect(() => parseArchive(`a /p ${md5} more`)).to.throw("it has more than three words");
  });
});

describe("a page of the newest stage", () => {
  const url = "https://distfiles.gentoo.org/releases/amd64/autobuilds/latest-stage3-amd64-openrc.txt";
  const signed = `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

# Latest as of Fri, 20 Nov 2026 17:00:00 +0000
# ts=1795194000
20261120T170000Z/stage3-amd64-openrc-20261120T170000Z.tar.xz 123456
-----BEGIN PGP SIGNATURE-----

evil/stage3-amd64.tar.xz 1
-----END PGP SIGNATURE-----
`;
  it("names a stage beside it, with its size", () => {
    const stage = "20261120T170000Z/stage3-amd64-openrc-20261120T170000Z.tar.xz";
    const expected = { url: new URL(stage, url).href, size: 123456 };
    expect(parseLatest(signed, url)).to.deep.equal(expected);
    expect(parseLatest(signed.replaceAll("\n", "\r\n"), url)).to.deep.equal(expected);
    expect(parseLatest("stage3-x.tar.xz\n", url)).to.deep.equal({
      url: new URL("stage3-x.tar.xz", url).href,
    });
  });

  it("is told from other URLs", () => {
    expect(isLatestPage(url)).to.equal(true);
    expect(isLatestPage(`${url}?mirror=1`)).to.equal(true);
    expect(isLatestPage("https://x.org/stage3.txt")).to.equal(false);
  });

  it("may name nothing", async () => {
    expect(await problemOf(async () => parseLatest("<html>\n404", url))).to.deep.equal({
      code: "gentoo/latest",
      message: `${url} names no stage archive`,
      notes: ["it begins: <html> 404"],
      help: ["check the URL: https://distfiles.gentoo.org/releases/<arch>/autobuilds/latest-stage3-….txt"],
    });
  });

  it("has digests, of which only the SHA512 counts", () => {
    const text = `# BLAKE2B HASH\n${"b".repeat(128)}  s.tar.xz\n# SHA512 HASH\n${"5".repeat(128)}  s.tar.xz\n${"6".repeat(128)}  s.tar.xz.CONTENTS.gz\n`;
    expect(parseDigests(text, "s.tar.xz")).to.equal(`sha512:${"5".repeat(128)}`);
    expect(parseDigests(text, "other")).to.equal(undefined);
  });
});

const platformOf = (name: string): string | undefined => {
  const platform = parsePlatform(name);
  return platform && `${platformText(platform)} ${platform.machine}`;
};

const runs = (host: string, program: string): boolean =>
  runsNatively(parsePlatform(host)!, parsePlatform(program)!);

describe("platforms", () => {
  it("are known by Docker's, the kernel's and Gentoo's names", () => {
    expect(
      [
        "x86_64",
        "linux/amd64",
        "i686",
        "aarch64",
        "arm64/v8",
        "armv7a",
        "linux/arm/v6",
        "riscv64",
        "powerpc64le",
        "s390x",
        "vax",
      ].map(platformOf),
    ).to.deep.equal([
      "linux/amd64 x86_64",
      "linux/amd64 x86_64",
      "linux/386 i686",
      "linux/arm64 aarch64",
      "linux/arm64 aarch64",
      "linux/arm/v7 armv7l",
      "linux/arm/v6 armv6l",
      "linux/riscv64 riscv64",
      "linux/ppc64le ppc64le",
      "linux/s390x s390x",
      undefined,
    ]);
  });

  it("begin a tuple by the kernel's name for Docker's, and by any other name as it is", () => {
    const names = ["amd64", "386", "arm", "linux/arm/v6", "x86_64", "armv7a", "i486", "riscv64"];
    expect(names.map((name) => processorOf(name, parsePlatform(name)!))).to.deep.equal([
      "x86_64",
      "i686",
      "armv7l",
      "armv6l",
      "x86_64",
      "armv7a",
      "i486",
      "riscv64",
    ]);
  });

  it("run their own programs, and 32-bit ones of their kind", () => {
    expect(runs("amd64", "386")).to.equal(true);
    expect(runs("arm/v7", "arm/v6")).to.equal(true);
    expect(runs("arm/v6", "arm/v7")).to.equal(false);
    expect(runs("amd64", "arm64")).to.equal(false);
  });

  it("are told to the kernel as qemu's own lines do", () => {
    const magic = String.raw`\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
    const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;
    expect(binfmtLine("aarch64", "/q")).to.equal(`:qemu-aarch64:M::${magic}:${mask}:/q:OCF`);
    expect(binfmtLine("vax", "/q")).to.equal(undefined);
  });
});

describe("the chroot of a builder", () => {
  const target: Target = {
    chroot: undefined,
    root: undefined,
    arch: "x86_64",
    processor: "x86_64",
    variant: "docker",
    abi: "gnu",
  };
  const chroot = (other: Partial<Target>) => chrootOf({ ...target, ...other }, splitWords);

  it("is entered by the original's command, and has its places", () => {
    expect(chroot({})).to.deep.equal({
      prefix: ["chroot-x86_64-docker", "-c"],
      sysroot: "/usr/x86_64-docker-linux-gnu",
      root: "/usr/x86_64-docker-linux-gnu/dockeroo-root",
      innerRoot: "/dockeroo-root",
    });
    expect(chroot({ root: "/usr/x86_64-docker-linux-gnu/a/b/" }).innerRoot).to.equal("/a/b");
    expect(chroot({ chroot: "chroot /mnt/gentoo sh -c", root: "/mnt/gentoo/target" }).innerRoot).to.equal(
      "/target",
    );
  });

  it("is the builder itself where the prefix is empty", () => {
    const direct = chroot({ chroot: "" });
    expect(inside(direct, "emerge x")).to.deep.equal(["/bin/sh", "-c", "emerge x"]);
    expect([direct.root, direct.innerRoot]).to.deep.equal(["/dockeroo-root", "/dockeroo-root"]);
  });

  it("is told words that a shell reads back unchanged, whatever is in them", () => {
    const word = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
        const text = execFileSync("sh", ["-c", `printf '%s\\0' ${commandText(words)}`], { encoding: "utf8" });
        expect(text.split("\0").slice(0, -1)).to.deep.equal(words);
      }),
      { numRuns: 30 },
    );
  });
});

const seen = (text: string): EmergeReport => {
  const report = new EmergeReport();
  for (const line of text.split("\n")) report.see(line);
  return report;
};

describe("what emerge says", () => {
  it("gives the step", () => {
    const report = new EmergeReport();
    expect(report.see(">>> Emerging (1 of 12) sys-apps/busybox-1.36.1-r1::gentoo")).to.equal(
      "emerge sys-apps/busybox-1.36.1-r1 (1 of 12)",
    );
    expect(
      report.see(">>> Emerging binary (2 of 12) app-shells/bash-5.2::gentoo for /dockeroo-root/"),
    ).to.equal("emerge app-shells/bash-5.2 (2 of 12)");
    expect(report.see(">>> Done.")).to.equal(undefined);
  });

  it("gives the package that failed, and its log, coloured or not", () => {
    const report = seen(
      "\u001B[32m>>> Emerging (1 of 1) a/b-1::g\u001B[0m\n\u001B[31m*\u001B[0m ERROR: a/b-1::g failed (compile phase):\n\n>>> Failed to emerge a/b-1, Log file:\n\n>>>  '/var/tmp/portage/a/b-1/temp/build.log'\n",
    );
    expect(report.failed).to.equal("a/b-1");
    expect(report.logFile).to.equal("/var/tmp/portage/a/b-1/temp/build.log");
  });

  it("gives what the resolver refused", () => {
    const report = seen(
      'Calculating dependencies ... done!\n\nemerge: there are no ebuilds to satisfy "x/y".\n(dependency required by "a/b-1::g" [ebuild])\n(Change USE: +static)\nsomething else',
    );
    expect(report.refusals).to.deep.equal([
      'emerge: there are no ebuilds to satisfy "x/y".',
      '(dependency required by "a/b-1::g" [ebuild])',
      "(Change USE: +static)",
    ]);
  });
});

describe("packages", () => {
  it("are named without their versions", () => {
    expect(
      ["a/b-1.0", "a/b-c-2-r1", "media-fonts/font-100dpi-1.2_p3", "x11-libs/gtk+-3.24"].map(nameOf),
    ).to.deep.equal(["a/b", "a/b-c", "media-fonts/font-100dpi", "x11-libs/gtk+"]);
    expect(["a/b[static,-x]", "a/b:0::gentoo", "=a/b-1"].map(equeryAtom)).to.deep.equal([
      "a/b",
      "a/b:0",
      "=a/b-1",
    ]);
  });

  it("are looked up one atom at a time, none, one or several", () => {
    expect(
      parseAnswers("noise\n::\na/b-1\na/b-2\n::\n::\n * Searching for c ...\nc/d-1_rc2-r3\n"),
    ).to.deep.equal([["a/b-1", "a/b-2"], [], ["c/d-1_rc2-r3"]]);
  });

  const index = parseIndex(
    "ARCH: amd64\nVERSION: 0\n\nBUILD_ID: 1\nCPV: a/b-1\nPATH: a/b/b-1-1.gpkg.tar\nUSE: x\n\nBUILD_ID: 2\nCPV: a/b-1\nPATH: a/b/b-1-2.gpkg.tar\nUSE: x static\n\nCPV: c/d-1\nPATH: c/d-1.tbz2\n",
  );

  it("have several builds, and the newest may not be the one that is installed", () => {
    expect(index.map(({ cpv, buildId }) => `${cpv} ${buildId}`)).to.deep.equal([
      "a/b-1 1",
      "a/b-1 2",
      "c/d-1 0",
    ]);
    expect(overtaken("a/b-1", { buildId: 1, use: ["x"] }, index)?.path).to.equal("a/b/b-1-1.gpkg.tar");
    expect(overtaken("a/b-1", { buildId: undefined, use: ["x"] }, index)?.buildId).to.equal(1);
    expect(overtaken("a/b-1", { buildId: 2, use: ["static", "x"] }, index)).to.equal(undefined);
    expect(overtaken("c/d-1", { buildId: undefined, use: undefined }, index)).to.equal(undefined);
    expect(overtaken("e/f-1", { buildId: 1, use: [] }, index)).to.equal(undefined);
  });

  it("are compared as they landed", async () => {
    const records = parseRecords(":: a/b-1\nbuild 1\nx static\nuse\n:: c/d-1\nbuild \n");
    expect([...records]).to.deep.equal([
      ["a/b-1", { buildId: 1, use: ["static", "x"] }],
      ["c/d-1", { buildId: undefined, use: undefined }],
    ]);
    checkLanded(records, records);
    const landed = new Map([["a/b-1", { buildId: 2, use: ["x"] }]]);
    expect(await problemOf(async () => checkLanded(records, landed))).to.deep.equal({
      code: "gentoo/wrong-build",
      message: "another build of a/b-1 would get into the image than the one asked for",
      notes: ["USE asked for: static x", "USE found:     x"],
      help: ["remove the newer binary package from the builder, or build it anew"],
      option: "packages",
    });
  });
});

describe("an image's settings", () => {
  const nothing = { env: [], labels: {}, expose: [], volumes: [] };

  it("are inherited where nothing is asked for", () => {
    const base = { Cmd: ["sh"], Entrypoint: ["env"], Env: ["A=1"] };
    expect(commitBody(nothing, base)).to.deep.include({ Cmd: ["sh"], Entrypoint: ["env"], Env: ["A=1"] });
    expect(commitBody({ ...nothing, entrypoint: [] }, base)).to.deep.include({ Cmd: null, Entrypoint: [] });
    expect(commitBody({ ...nothing, env: ["A=2", "B=x=y"] }, base)["Env"]).to.deep.equal(["A=2", "B=x=y"]);
    expect(commitBody(nothing, {})).to.deep.include({ Cmd: null, Entrypoint: [], Env: [] });
  });

  it("have health checks as a Dockerfile writes them", () => {
    expect(
      parseHealthcheck("--interval=1m30s --start-period=5s --retries=3 CMD curl -f http://x"),
    ).to.deep.equal({
      Interval: 90e9,
      StartPeriod: 5e9,
      Retries: 3,
      Test: ["CMD-SHELL", "curl -f http://x"],
    });
    expect(parseHealthcheck('CMD ["a", "b c"]')).to.deep.equal({ Test: ["CMD", "a", "b c"] });
    expect(parseHealthcheck("NONE")).to.deep.equal({ Test: ["NONE"] });
    expect(() => parseHealthcheck("--retires=3 x")).to.throw(
      '"--retires=3" is not a setting of a health check',
    );
  });

  it("have names with a tag", () => {
    expect([
      imageName("a/b", undefined),
      imageName("a/b:1", undefined),
      imageName("a/b:1", "2"),
    ]).to.deep.equal(["a/b:latest", "a/b:1", "a/b:2"]);
    expect(containerName({ image: "dockeroo/builder:1" })).to.equal("dockeroo_builder_bootstrap");
  });
});

describe("small things", () => {
  it("a copy keeps its path unless told otherwise", () => {
    expect(parseCopy("/lib/")).to.deep.equal({ from: "/lib/", to: "/lib/" });
    expect(parseCopy("/bin/sh  /bin/bash")).to.deep.equal({ from: "/bin/sh", to: "/bin/bash" });
    expect(() => parseCopy("lib")).to.throw('"lib" is not a copy');
  });

  it("a file's holes are blocks of zeros, wherever its chunks are cut", () => {
    const size = fc.integer({ min: 1, max: 3 * 4096 });
    fc.assert(
      fc.property(fc.array(fc.tuple(size, fc.boolean()), { maxLength: 6 }), (pieces) => {
        const whole = Buffer.concat(pieces.map(([length, zeros]) => Buffer.alloc(length, zeros ? 0 : 7)));
        const made = Buffer.alloc(whole.length);
        let at = 0;
        for (const [length] of pieces) {
          const chunk = whole.subarray(at, at + length);
          for (const [from, to] of filled(chunk, at)) chunk.copy(made, at + from, from, to);
          at += length;
        }
        expect(made.equals(whole)).to.equal(true);
      }),
    );
    expect(filled(Buffer.alloc(8192), 0)).to.deep.equal([]);
  });
});
