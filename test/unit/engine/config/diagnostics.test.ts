import { expect } from "chai";
import { ask } from "../../../support/config.js";
import { asNobody } from "../../../support/other-user.js";
import { type Files, temporaryFolder } from "../../../support/tmp.js";
import { runCli } from "../../../support/in-process.js";
import { chmodSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Example {
  /** The code, and after a colon what tells it from others of the same code. */
  readonly name: string;
  readonly files: Files;
  readonly args?: readonly string[];
  readonly text: readonly string[];
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

const examples: readonly Example[] = [
  {
    name: "config/parse-error: a line that is nothing",
    files: { "buildout.cfg": "[buildout]\nparts = web\nstray text\n" },
    text: [
      "error[config/parse-error]: this line is neither a header, an option nor the continuation of a value",
      "  buildout.cfg:3:1",
      "3 | stray text",
      "  | ^^^^^^^^^^",
      "  = help: indent the line if it belongs to the value above it",
    ],
  },
  {
    name: "config/parse-error: a pin as pip writes it",
    files: { "buildout.cfg": "[versions]\nrequests >= 1.0\n" },
    text: [
      "error[config/parse-error]: this line is neither a header, an option nor the continuation of a value",
      "  buildout.cfg:2:1",
      "2 | requests >= 1.0",
      "  | ^^^^^^^^^^^^^^^",
      '  = help: write "requests = >=1.0" to give requests this value',
    ],
  },
  {
    name: "config/parse-error: a colon",
    files: { "buildout.cfg": "[web]\nimage: nginx\n" },
    text: [
      "error[config/parse-error]: this line is neither a header, an option nor the continuation of a value",
      "  buildout.cfg:2:1",
      "2 | image: nginx",
      "  | ^^^^^^^^^^^^",
      '  = help: ":" does not separate a name from its value: write "image = nginx"',
    ],
  },
  {
    name: "config/parse-error: a blank in a name",
    files: { "buildout.cfg": "[web]\nmy image = nginx\n" },
    text: [
      "error[config/parse-error]: this line is neither a header, an option nor the continuation of a value",
      "  buildout.cfg:2:1",
      "2 | my image = nginx",
      "  | ^^^^^^^^^^^^^^^^",
      "  = help: a name holds no blank; indent the line if it belongs to the value above it",
    ],
  },
  {
    name: "config/parse-error: a header that is none",
    files: { "buildout.cfg": "[buildout]\n[my web]\nimage = nginx\n" },
    text: [
      "error[config/parse-error]: this line is neither a header, an option nor the continuation of a value",
      "  buildout.cfg:2:1",
      "2 | [my web]",
      "  | ^^^^^^^^",
      "  = help: a section name holds no blank and none of # [ ] : ; { }; only a comment may follow the bracket",
    ],
  },
  {
    name: "config/parse-error: an indented first option",
    files: { "buildout.cfg": "[web]\n  image = nginx\n" },
    text: [
      "error[config/parse-error]: an indented line continues an option, and [web] has none yet",
      "  buildout.cfg:2:3",
      "2 |   image = nginx",
      "  |   ^^^^^^^^^^^^^",
      "  = help: start the line in the first column",
    ],
  },
  {
    name: "config/parse-error: all bad lines of all files",
    files: {
      "buildout.cfg": "[buildout]\nextends = base.cfg\nflag\n",
      "base.cfg": "[web]\none\nimage = nginx\ntwo\n",
    },
    text: [
      "error[config/parse-error]: this line is neither a header, an option nor the continuation of a value",
      "  buildout.cfg:3:1",
      "3 | flag",
      "  | ^^^^",
      "  = help: indent the line if it belongs to the value above it",
      "",
      "error[config/parse-error]: this line is neither a header, an option nor the continuation of a value",
      "  base.cfg:2:1",
      "2 | one",
      "  | ^^^",
      "  = help: indent the line if it belongs to the value above it",
      "",
      "error[config/parse-error]: this line is neither a header, an option nor the continuation of a value",
      "  base.cfg:4:1",
      "4 | two",
      "  | ^^^",
      "  = help: indent the line if it belongs to the value above it",
    ],
  },
  {
    name: "config/missing-section-header",
    files: { "buildout.cfg": "# web\nimage = nginx\nports = 80\n" },
    text: [
      "error[config/missing-section-header]: there is no section header above this line",
      "  buildout.cfg:2:1",
      "2 | image = nginx",
      "  | ^^^^^^^^^^^^^",
      '  = help: start the file with a header such as "[buildout]"',
    ],
  },
  {
    name: "config/missing-section-header: after a skipped section",
    files: { "buildout.cfg": "[web: False]\nimage = nginx\n" },
    text: [
      "error[config/missing-section-header]: there is no section header above this line",
      "  buildout.cfg:2:1",
      "2 | image = nginx",
      "  | ^^^^^^^^^^^^^",
      "  = help: the section above is skipped because of its condition: open an unconditional section before it",
    ],
  },
  {
    name: "config/missing-section: a reference",
    files: { "buildout.cfg": "[web]\nimage = nginx\n[proxy]\nto = $<wep:image>\n" },
    text: [
      "error[config/missing-section]: [proxy] refers to [wep], which does not exist",
      "  buildout.cfg:4:6",
      "4 | to = $<wep:image>",
      "  |      ^^^^^^^^^^^^",
      '  = help: did you mean "web"?',
    ],
  },
  {
    name: "config/missing-section: a macro",
    files: { "buildout.cfg": "[base]\nport = 80\n[web]\n<= base\n   bases\n" },
    text: [
      "error[config/missing-section]: [web] copies [bases], which does not exist",
      "  buildout.cfg:5:4",
      "5 |    bases",
      "  |    ^^^^^",
      '  = help: did you mean "base"?',
    ],
  },
  {
    name: "config/missing-section: a dependency",
    files: { "buildout.cfg": "[db]\nk = 1\n[web]\n=> db cache\n" },
    text: [
      "error[config/missing-section]: [web] refers to [cache], which does not exist",
      "  buildout.cfg:4:7",
      "4 | => db cache",
      "  |       ^^^^^",
    ],
  },
  {
    name: "config/missing-section: asked for",
    files: { "buildout.cfg": "[web]\nk = 1\n" },
    args: ["annotate", "wbe"],
    text: ["error[config/missing-section]: there is no section [wbe]", '   = help: did you mean "web"?'],
  },
  {
    name: "config/missing-option: a reference",
    files: {
      "buildout.cfg": "[web]\nimage = nginx\n[proxy]\nto =\n    $<web:image>\n    http://$<web:imag>/\n",
    },
    text: [
      'error[config/missing-option]: [web] has no option "imag"',
      "  buildout.cfg:6:12",
      "6 |     http://$<web:imag>/",
      "  |            ^^^^^^^^^^^",
      "  = note: [web] starts here (buildout.cfg:1)",
      '  = help: did you mean "image"?',
    ],
  },
  {
    name: "config/missing-option: asked for",
    files: { "buildout.cfg": "[web]\nimage = nginx\n" },
    args: ["query", "web:imag"],
    text: ['error[config/missing-option]: [web] has no option "imag"', '   = help: did you mean "image"?'],
  },
  {
    name: "config/bad-interpolation: a shell's variable",
    files: { "buildout.cfg": "[web]\nscript = echo ${HOME}\n" },
    text: [
      "error[config/bad-interpolation]: the reference ${HOME} has no colon between section and option",
      "  buildout.cfg:2:15",
      "2 | script = echo ${HOME}",
      "  |               ^^^^^^^",
      '  = help: write "$${HOME}" to hand it to a shell as it is',
      '  = help: or set "substitution = angle" in [buildout], which leaves ${…} alone in the whole configuration',
    ],
  },
  {
    name: "config/bad-interpolation: a default of the shell",
    files: { "buildout.cfg": "[web]\nscript = echo ${HOME:-/root}\n" },
    text: [
      "error[config/bad-interpolation]: the reference ${HOME:-/root} has a character in its option's name that no reference can hold (a-z, A-Z, 0-9, blanks, . _ - are what it can)",
      "  buildout.cfg:2:15",
      "2 | script = echo ${HOME:-/root}",
      "  |               ^^^^^^^^^^^^^^",
      '  = help: write "$${HOME:-/root}" to hand it to a shell as it is',
      '  = help: or set "substitution = angle" in [buildout], which leaves ${…} alone in the whole configuration',
    ],
  },
  {
    name: "config/bad-interpolation: nothing between",
    files: { "buildout.cfg": "[web]\na = $<>\nb = $<web:>\nc = $<a:b:c>\nd = $<a/b:c>\n" },
    text: [
      "error[config/bad-interpolation]: the reference $<> has no colon between section and option",
      "  buildout.cfg:2:5",
      "2 | a = $<>",
      "  |     ^^^",
      "  = help: a reference is $<section:option>; $<:option> means the section itself",
      "",
      "error[config/bad-interpolation]: the reference $<web:> names no option",
      "  buildout.cfg:3:5",
      "3 | b = $<web:>",
      "  |     ^^^^^^^",
      "  = help: a reference is $<section:option>; $<:option> means the section itself",
      "",
      "error[config/bad-interpolation]: the reference $<a:b:c> has more than one colon",
      "  buildout.cfg:4:5",
      "4 | c = $<a:b:c>",
      "  |     ^^^^^^^^",
      "  = help: a reference is $<section:option>; $<:option> means the section itself",
      "",
      "error[config/bad-interpolation]: the reference $<a/b:c> has a character in its section's name that no reference can hold (a-z, A-Z, 0-9, blanks, . _ - are what it can)",
      "  buildout.cfg:5:5",
      "5 | d = $<a/b:c>",
      "  |     ^^^^^^^^",
      "  = help: a reference is $<section:option>; $<:option> means the section itself",
    ],
  },
  {
    name: "config/bad-interpolation: a fallback where there is a section env",
    files: { "buildout.cfg": "[env]\nA = 1\n[web]\na = $<env:B|2>\n" },
    text: [
      "error[config/bad-interpolation]: there is a section [env], so $<env:…> reads it and takes no fallback",
      "  buildout.cfg:4:5",
      "4 | a = $<env:B|2>",
      "  |     ^^^^^^^^^^",
    ],
  },
  {
    name: "config/circular-reference",
    files: { "buildout.cfg": "[a]\nx = $<b:y>\n[b]\ny = 1$<c:z>\n[c]\nz =\n  1\n  $<a:x>\n" },
    text: [
      "error[config/circular-reference]: a:x depends on itself",
      "  buildout.cfg:8:3",
      "8 |   $<a:x>",
      "  |   ^^^^^^",
      "  = note: a:x uses b:y (buildout.cfg:2)",
      "  = note: b:y uses c:z (buildout.cfg:4)",
      "  = note: c:z uses a:x (buildout.cfg:8)",
    ],
  },
  {
    name: "config/circular-reference: itself",
    files: { "buildout.cfg": "[a]\nx = $<:x>\n" },
    text: [
      "error[config/circular-reference]: a:x depends on itself",
      "  buildout.cfg:2:5",
      "2 | x = $<:x>",
      "  |     ^^^^^",
      "  = note: a:x uses a:x (buildout.cfg:2)",
    ],
  },
  {
    name: "config/circular-macro",
    files: { "buildout.cfg": "[a]\n<= b\n[b]\n<= c\n[c]\n<= a\n" },
    text: [
      "error[config/circular-macro]: [a] copies itself",
      "  buildout.cfg:6:4",
      "6 | <= a",
      "  |    ^",
      "  = note: [a] copies [b] (buildout.cfg:2)",
      "  = note: [b] copies [c] (buildout.cfg:4)",
      "  = note: [c] copies [a] (buildout.cfg:6)",
    ],
  },
  {
    name: "config/circular-macro: itself",
    files: { "buildout.cfg": "[a]\n<= a\n" },
    text: [
      "error[config/circular-macro]: [a] copies itself",
      "  buildout.cfg:2:4",
      "2 | <= a",
      "  |    ^",
      "  = note: [a] copies [a] (buildout.cfg:2)",
    ],
  },
  {
    name: "config/circular-extends",
    files: {
      "buildout.cfg": "[buildout]\nextends = sub/base.cfg\n",
      "sub/base.cfg": "[buildout]\nextends =\n  ../sub/../buildout.cfg\n",
    },
    text: [
      "error[config/circular-extends]: buildout.cfg extends itself",
      "  sub/base.cfg:3:3",
      "3 |   ../sub/../buildout.cfg",
      "  |   ^^^^^^^^^^^^^^^^^^^^^^",
      "  = note: buildout.cfg extends sub/base.cfg",
      "  = note: sub/base.cfg extends buildout.cfg",
    ],
  },
  {
    name: "config/missing-file: the main file",
    files: {},
    text: [
      "error[config/missing-file]: there is no file @/buildout.cfg",
      "   = help: name another file with -c, or have tsbuildout init write one, also from what another tool reads (init --help)",
    ],
  },
  {
    name: "config/missing-file: an extended file that is above",
    files: { "buildout.cfg": "[buildout]\nextends = a/b/base.cfg\n", "base.cfg": "" },
    text: [
      "error[config/missing-file]: there is no file @/a/b/base.cfg",
      "  buildout.cfg:2:11",
      "2 | extends = a/b/base.cfg",
      "  |           ^^^^^^^^^^^^",
      "  = help: there is one in a folder above: @/base.cfg",
    ],
  },
  {
    name: "config/missing-file: an extended file",
    files: { "buildout.cfg": "[buildout]\nextends = base.cfg\n  more.cfg\n", "base.cfg": "" },
    text: [
      "error[config/missing-file]: there is no file @/more.cfg",
      "  buildout.cfg:3:3",
      "3 |   more.cfg",
      "  |   ^^^^^^^^",
    ],
  },
  {
    name: "config/missing-environment",
    files: { "buildout.cfg": "[web]\ntoken = $<env:TOKEN>\n" },
    text: [
      "error[config/missing-environment]: the environment variable TOKEN is not set",
      "  buildout.cfg:2:9",
      "2 | token = $<env:TOKEN>",
      "  |         ^^^^^^^^^^^^",
      "  = help: set TOKEN in the environment, or give a fallback: $<env:TOKEN|value>",
    ],
  },
  {
    name: "config/bad-condition: an unknown name",
    files: { "buildout.cfg": "[web: linus]\na = 1\n" },
    text: [
      'error[config/bad-condition]: the condition asks for "linus", which is not known',
      "  buildout.cfg:1:7",
      "1 | [web: linus]",
      "  |       ^^^^^",
      '  = help: did you mean "linux"?',
    ],
  },
  {
    name: "config/bad-condition: Python",
    files: { "buildout.cfg": '[web: python_version < "3"]\na = 1\n[db:python3]\nb = 1\n' },
    text: [
      'error[config/bad-condition]: "python_version" speaks of Python, which has no part in this program',
      "  buildout.cfg:1:7",
      '1 | [web: python_version < "3"]',
      "  |       ^^^^^^^^^^^^^^^^^^^^",
      "  = help: ask for the platform instead, for example with sys_platform or platform_machine",
      "",
      'error[config/bad-condition]: "python3" speaks of Python, which has no part in this program',
      "  buildout.cfg:3:5",
      "3 | [db:python3]",
      "  |     ^^^^^^^",
      "  = help: ask for the platform instead, for example with sys_platform or platform_machine",
    ],
  },
  {
    name: "config/bad-condition: two forms mixed",
    files: { "buildout.cfg": '[web: sys_platform == "linux" and linux]\na = 1\n' },
    text: [
      'error[config/bad-condition]: "sys_platform" is compared in an environment marker only',
      "  buildout.cfg:1:7",
      '1 | [web: sys_platform == "linux" and linux]',
      "  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
      '  = help: a condition is either comparisons such as sys_platform == "linux", joined by "and" and "or", or names such as linux; the two do not mix',
    ],
  },
  {
    name: "config/bad-condition: no tuples",
    files: { "buildout.cfg": "[web: linux and ('a', 'b')]\na = 1\n" },
    text: [
      'error[config/bad-condition]: the condition has "," in the wrong place',
      "  buildout.cfg:1:21",
      "1 | [web: linux and ('a', 'b')]",
      "  |                     ^^^^^^",
    ],
  },
  {
    name: "config/bad-condition: not closed",
    files: { "buildout.cfg": "[web: (linux]\na = 1\n[db: 'linux]\nb = 1\n" },
    text: [
      'error[config/bad-condition]: the condition has a "(" that is never closed',
      "  buildout.cfg:1:7",
      "1 | [web: (linux]",
      "  |       ^^^^^^",
      "",
      "error[config/bad-condition]: the condition has a string without its closing quote",
      "  buildout.cfg:3:6",
      "3 | [db: 'linux]",
      "  |      ^^^^^^",
    ],
  },
  {
    name: "config/bad-condition: nothing",
    files: {
      "buildout.cfg":
        "[web: ]\na = 1\n[db: linux linux]\nb = 1\n[c: 1 < 'a']\nd = 1\n[e: linux ? 1]\nf = 1\n",
    },
    text: [
      "error[config/bad-condition]: the condition ends too early",
      "  buildout.cfg:1:6",
      "1 | [web: ]",
      "  |      ^",
      "",
      'error[config/bad-condition]: the condition has "linux" in the wrong place',
      "  buildout.cfg:3:12",
      "3 | [db: linux linux]",
      "  |            ^^^^^",
      "",
      'error[config/bad-condition]: "<" compares two texts or two numbers',
      "  buildout.cfg:5:7",
      "5 | [c: 1 < 'a']",
      "  |       ^^^^^",
      "",
      'error[config/bad-condition]: the condition holds "?", which means nothing there',
      "  buildout.cfg:7:11",
      "7 | [e: linux ? 1]",
      "  |           ^^^",
    ],
  },
  {
    name: "config/not-a-file",
    files: { "buildout.cfg/x": "" },
    text: ["error[config/not-a-file]: @/buildout.cfg is a directory, not a configuration file"],
  },
  {
    name: "config/bad-address",
    files: { "buildout.cfg": "[buildout]\nextends = ftp://example.org/base.cfg http://\n" },
    text: [
      'error[config/bad-address]: a configuration file is read by http, https or file, not by "ftp"',
      "  buildout.cfg:2:11",
      "2 | extends = ftp://example.org/base.cfg http://",
      "  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^",
      "",
      'error[config/bad-address]: "http://" is not a URL',
      "  buildout.cfg:2:38",
      "2 | extends = ftp://example.org/base.cfg http://",
      "  |                                      ^^^^^^^",
    ],
  },
  {
    name: "config/bad-address: a file URL that means another machine",
    files: { "buildout.cfg": "[buildout]\nextends = file://base.cfg\n" },
    text: [
      'error[config/bad-address]: "file://base.cfg" names no file of this machine: write file:///path, or the path alone',
      "  buildout.cfg:2:11",
      "2 | extends = file://base.cfg",
      "  |           ^^^^^^^^^^^^^^^",
    ],
  },
  {
    name: "config/offline",
    files: { "buildout.cfg": "[buildout]\nextends = http://127.0.0.1:9/base.cfg\n" },
    args: ["-o", "annotate"],
    text: [
      "error[config/offline]: http://127.0.0.1:9/base.cfg is not downloaded in offline mode",
      "  buildout.cfg:2:11",
      "2 | extends = http://127.0.0.1:9/base.cfg",
      "  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^",
      "  = help: set extends-cache to keep files for offline mode",
    ],
  },
  {
    name: "config/download: nobody listens",
    files: { "buildout.cfg": "[buildout]\nextends = http://127.0.0.1:9/base.cfg\n" },
    text: [
      "error[config/download]: http://127.0.0.1:9/base.cfg cannot be downloaded: connect ECONNREFUSED 127.0.0.1:9",
      "  buildout.cfg:2:11",
      "2 | extends = http://127.0.0.1:9/base.cfg",
      "  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ],
  },
  {
    name: "config/extended-by",
    files: { "buildout.cfg": "[buildout]\nextended-by = x.cfg\n" },
    text: [
      'error[config/extended-by]: "extended-by" is no longer supported',
      "  buildout.cfg:2:15",
      "2 | extended-by = x.cfg",
      "  |               ^^^^^",
      "  = help: let the other file extend this one: extends = FILE",
    ],
  },
  {
    name: "config/bad-value: substitution",
    files: { "buildout.cfg": "[buildout]\nsubstitution = angles\n" },
    text: [
      'error[config/bad-value]: substitution is "angle", not "angles"',
      "  buildout.cfg:2:16",
      "2 | substitution = angles",
      "  |                ^^^^^^",
      '  = help: leave the option out to have both "$<…>" and "${…}" read',
    ],
  },
  {
    name: "config/bad-value: extends-cache",
    files: { "buildout.cfg": "[buildout]\nextends-cache = $<:x>\nextends = http://127.0.0.1:9/base.cfg\n" },
    text: [
      "error[config/bad-value]: extends-cache is needed before any reference can be resolved",
      "  buildout.cfg:2:17",
      "2 | extends-cache = $<:x>",
      "  |                 ^^^^^",
      "  = help: give it a plain path",
    ],
  },
  {
    name: "config/bad-value: newest",
    files: { "buildout.cfg": "[buildout]\nnewest = maybe\nextends = http://127.0.0.1:9/base.cfg\n" },
    text: [
      'error[config/bad-value]: newest is "true" or "false", not "maybe"',
      "  buildout.cfg:2:10",
      "2 | newest = maybe",
      "  |          ^^^^^",
    ],
  },
  {
    name: "config/bad-value: socket-timeout",
    files: { "buildout.cfg": "[buildout]\nsocket-timeout = soon\nextends = http://127.0.0.1:9/base.cfg\n" },
    text: [
      'error[config/bad-value]: socket-timeout is a number of seconds, not "soon"',
      "  buildout.cfg:2:18",
      "2 | socket-timeout = soon",
      "  |                  ^^^^",
    ],
  },
  {
    name: "config/bad-assignment",
    files: { "buildout.cfg": "" },
    args: ["a:b:c=d", "=x", "annotate"],
    text: [
      "error[config/bad-assignment]: an assignment has one colon at most before its equal sign",
      "   command line",
      "   | a:b:c=d",
      "   | ^^^^^^^",
      '   = help: write section:option=value, or with "+=" or "-="',
      "",
      "error[config/bad-assignment]: an assignment needs a name before its equal sign",
      "   command line",
      "   | =x",
      "   | ^^",
      '   = help: write section:option=value, or with "+=" or "-="',
    ],
  },
  {
    name: "config/too-large: a value",
    files: {
      "buildout.cfg": `[s]\nk0 = xxxxxxxx\n${range(30)
        .map((i) => `k${i + 1} = $<:k${i}>$<:k${i}>\n`)
        .join("")}`,
    },
    text: [
      "error[config/too-large]: s:k22 grows beyond what a value can hold",
      "   buildout.cfg:24:14",
      "24 | k22 = $<:k21>$<:k21>",
      "   |              ^^^^^^^",
      "   = help: do its references double it at each step?",
    ],
  },
  {
    name: "config/too-many-layers",
    files: {
      "buildout.cfg": "[buildout]\nextends = 0.cfg\n",
      ...Object.fromEntries(
        range(20).map((i) => [`${i}.cfg`, `[buildout]\nextends = ${i + 1}.cfg ${i + 1}.cfg\n`]),
      ),
      "20.cfg": "[x]\na += 1\n",
    },
    text: [
      "error[config/too-many-layers]: files extend each other so often that nothing could hold the result",
      "   = note: 20.cfg is reached along very many ways, and adds with += each time",
    ],
  },
  {
    name: "usage/arguments: a command",
    files: { "buildout.cfg": "" },
    args: ["anotate"],
    text: ['error[usage/arguments]: there is no command "anotate"', '   = help: did you mean "annotate"?'],
  },
  {
    name: "usage/arguments: an option",
    files: { "buildout.cfg": "" },
    args: ["annotate", "--jsn"],
    text: ["error[usage/arguments]: there is no option --jsn", '   = help: did you mean "--json"?'],
  },
  {
    name: "usage/arguments: a letter",
    files: { "buildout.cfg": "" },
    args: ["-x"],
    text: [
      "error[usage/arguments]: there is no option -x",
      "   = help: tsbuildout --help lists commands and options",
    ],
  },
  {
    name: "usage/arguments: a missing value",
    files: { "buildout.cfg": "" },
    args: ["-c"],
    text: [
      "error[usage/arguments]: -c needs a value: -c FILE|URL",
      "   = help: tsbuildout --help lists commands and options",
    ],
  },
  {
    name: "usage/arguments: a number",
    files: { "buildout.cfg": "" },
    args: ["-j", "many", "annotate"],
    text: [
      'error[usage/arguments]: -j takes a number from 1, not "many"',
      "   = help: tsbuildout --help lists commands and options",
    ],
  },
  {
    name: "usage/arguments: seconds",
    files: { "buildout.cfg": "" },
    args: ["-t", "soon", "annotate"],
    text: [
      'error[usage/arguments]: -t takes a number of seconds, not "soon"',
      "   = help: tsbuildout --help lists commands and options",
    ],
  },
  {
    name: "config/too-deep",
    files: Object.fromEntries(
      range(2002).map((i) => [i === 0 ? "buildout.cfg" : `${i}.cfg`, `[buildout]\nextends = ${i + 1}.cfg\n`]),
    ),
    text: [
      "error[config/too-deep]: files extend each other more than 2000 deep",
      "  1999.cfg:2:11",
      "2 | extends = 2000.cfg",
      "  |           ^^^^^^^^",
      "  = help: does a server answer each file with another one?",
    ],
  },
  {
    name: "usage/arguments: too few",
    files: { "buildout.cfg": "" },
    args: ["query"],
    text: [
      "error[usage/arguments]: query has too few arguments",
      "   = help: tsbuildout query [section:]option",
    ],
  },
  {
    name: "usage/arguments: not of the form",
    files: { "buildout.cfg": "" },
    args: ["query", "a:b:c"],
    text: [
      'error[usage/arguments]: "a:b:c" is not of the form section:option',
      "   = help: tsbuildout --help lists commands and options",
    ],
  },
  {
    name: "usage/arguments: a switch with a value",
    files: { "buildout.cfg": "" },
    args: ["annotate", "--json=yes"],
    text: [
      "error[usage/arguments]: --json takes no value",
      "   = help: tsbuildout --help lists commands and options",
    ],
  },
];

/** The exact text for one file that is made here, as root or not. */
async function says(file: string, text: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await runCli(["-c", file, "annotate"], { cwd });
  expect(stderr.replaceAll(cwd, "@")).to.equal(`${text.join("\n")}\n`);
  expect(code).to.equal(2);
}

describe("what is wrong with a configuration", () => {
  for (const { name, files, args, text } of examples)
    it(`says exactly ${name}`, async () => {
      const { code, stderr } = await ask(files, args ? { args } : {});
      expect(stderr).to.equal(`${text.join("\n")}\n`);
      expect(code).to.equal(2);
      expect(stderr).to.contain(`[${name.replace(/:.*/, "")}]`);
    });

  it("says exactly config/not-text", async () => {
    const cwd = await temporaryFolder();
    writeFileSync(join(cwd, "buildout.cfg"), Buffer.from([0x5b, 0x61, 0x5d, 0x0a, 0xc3, 0x28]));
    const { code, stderr } = await runCli(["annotate"], { cwd });
    expect(stderr.replaceAll(cwd, "@")).to.equal(
      "error[config/not-text]: @/buildout.cfg is not text in UTF-8: see byte 5\n   = help: save the file as UTF-8\n",
    );
    expect(code).to.equal(2);
  });

  it("says exactly config/unreadable-file: not allowed", async () => {
    const cwd = await temporaryFolder({ "buildout.cfg": "" });
    chmodSync(cwd, 0o755);
    chmodSync(join(cwd, "buildout.cfg"), 0);
    // What it loads, nobody may be unable to.
    await runCli(["annotate"], { cwd });
    const said = ["error[config/unreadable-file]: @/buildout.cfg may not be read by this user"];
    await asNobody(async () => await says("buildout.cfg", said, cwd));
  });

  it("says exactly config/unreadable-file: a link to itself", async () => {
    const cwd = await temporaryFolder();
    symlinkSync("loop.cfg", join(cwd, "loop.cfg"));
    await says(
      "loop.cfg",
      ["error[config/unreadable-file]: @/loop.cfg is a symbolic link that leads back to itself"],
      cwd,
    );
  });

  it("says exactly config/unreadable-file: the disk cannot", async () => {
    const cwd = await temporaryFolder();
    await says(
      "/proc/self/mem",
      ["error[config/unreadable-file]: /proc/self/mem cannot be read: EIO: i/o error, read"],
      cwd,
    );
  });

  it("says exactly config/too-large: a file", async () => {
    const cwd = await temporaryFolder({ "buildout.cfg": "" });
    truncateSync(join(cwd, "buildout.cfg"), 64 * 1024 * 1024 + 1);
    await says(
      "buildout.cfg",
      [
        "error[config/too-large]: @/buildout.cfg is larger than 64 MB",
        "   = help: a configuration file is text that a person writes; is this the right file?",
      ],
      cwd,
    );
  });

  it("says exactly config/too-large: a pipe", async () => {
    const cwd = await temporaryFolder();
    await says(
      "/dev/zero",
      [
        "error[config/too-large]: /dev/zero is larger than 64 MB",
        "   = help: a configuration file is text that a person writes; is this the right file?",
      ],
      cwd,
    );
  });
});
