import { expect } from "chai";
import {
  parseCpus,
  parseDevice,
  parseDeviceRule,
  parseExtraHost,
  parseGpus,
  parseHealthCommand,
  parseLink,
  parseNetwork,
  parseRestart,
  parseUlimit,
  parseWordList,
} from "../../../src/docker/resources.js";
import { SpecError } from "../../../src/docker/spec.js";

type Case = readonly [parse: (text: string) => unknown, text: string, expected: unknown];

const device = (host: string, inside: string, permissions: string) => ({
  PathOnHost: host,
  PathInContainer: inside,
  CgroupPermissions: permissions,
});

describe("resources of a container", () => {
  const cases: readonly Case[] = [
    [parseDevice, "/dev/fuse", device("/dev/fuse", "/dev/fuse", "rwm")],
    [parseDevice, "/dev/a:/dev/b:r", device("/dev/a", "/dev/b", "r")],
    [parseDevice, "/dev/a:rw", device("/dev/a", "/dev/a", "rw")],
    [parseDevice, "nvidia.com/gpu=all", { Driver: "cdi", Count: 0, DeviceIDs: ["nvidia.com/gpu=all"] }],
    [parseDeviceRule, "b 7:* rmw", "b 7:* rmw"],
    [parseUlimit, "nofile=1024:2048", { Name: "nofile", Soft: 1024, Hard: 2048 }],
    [parseUlimit, "core=-1", { Name: "core", Soft: -1, Hard: -1 }],
    [parseCpus, "1.5", 1_500_000_000],
    [parseCpus, "1/2", 500_000_000],
    [parseCpus, ".000000001", 1],
    [parseCpus, "0", 0],
    [parseGpus, "all", { Driver: "", Count: -1, Capabilities: [["gpu"]] }],
    [parseGpus, "2", { Driver: "", Count: 2, Capabilities: [["gpu"]] }],
    [
      parseGpus,
      '"device=0,1",capabilities=utility',
      { Driver: "", Count: 0, DeviceIDs: ["0", "1"], Capabilities: [["gpu", "utility"]] },
    ],
    [parseRestart, "always", { Name: "always", MaximumRetryCount: 0 }],
    [parseRestart, "on-failure:5", { Name: "on-failure", MaximumRetryCount: 5 }],
    [parseExtraHost, "db:10.0.0.1", "db:10.0.0.1"],
    [parseExtraHost, "db=[::1]", "db:::1"],
    [parseExtraHost, "host:host-gateway", "host:host-gateway"],
    [parseLink, "db", { container: "db", alias: "db" }],
    [parseLink, "db:database", { container: "db", alias: "database" }],
    [parseNetwork, "back", { name: "back", aliases: [] }],
    [
      parseNetwork,
      "back ip=10.0.0.5 ip6=fd00::5 alias=db,master",
      { name: "back", aliases: ["db", "master"], ipv4: "10.0.0.5", ipv6: "fd00::5" },
    ],
    [parseHealthCommand, "curl -f http://x || exit 1", ["CMD-SHELL", "curl -f http://x || exit 1"]],
    [parseHealthCommand, "CMD curl -f http://x || exit 1", ["CMD-SHELL", "curl -f http://x || exit 1"]],
    [parseHealthCommand, "CMD-SHELL true", ["CMD-SHELL", "true"]],
    [parseHealthCommand, 'CMD ["true"]', ["CMD", "true"]],
    [parseHealthCommand, '["true"]', ["CMD", "true"]],
    [parseHealthCommand, '["CMD-SHELL", "true"]', ["CMD-SHELL", "true"]],
    [parseHealthCommand, "[ -e /x ]", ["CMD-SHELL", "[ -e /x ]"]],
    [parseHealthCommand, "NONE", ["NONE"]],
    [parseWordList, ' [ "sleep", "1 h" ]', ["sleep", "1 h"]],
    [parseWordList, "[]", []],
    [parseWordList, '[ "$a" = b ]', undefined],
    [parseWordList, "sleep 1", undefined],
    [parseWordList, "[[ -e /x ]]", undefined],
    [parseWordList, "[ -e /x ]", undefined],
    [parseWordList, "[a-z]* x", undefined],
  ];
  for (const [parse, text, expected] of cases)
    it(`${parse.name} reads ${text}`, () => {
      expect(parse(text)).to.deep.equal(expected);
    });

  const wrong: readonly (readonly [parse: (text: string) => unknown, text: string, message: string])[] = [
    [parseDevice, "fuse", '"fuse" is not a device'],
    [parseDevice, "/dev/a:/dev/b:x", '"/dev/a:/dev/b:x" has permissions other than r, w and m'],
    [parseDevice, "/dev/a:/dev/b:rr", '"/dev/a:/dev/b:rr" has permissions other than r, w and m'],
    [parseUlimit, "nofile=9223372036854775807", '"nofile=9223372036854775807" is beyond all limits'],
    [parseDeviceRule, "7:*", '"7:*" is not a device rule'],
    [parseUlimit, "nofile", '"nofile" is not a limit'],
    [parseUlimit, "files=1", 'there is no limit "files"'],
    [parseUlimit, "nofile=2:1", '"nofile=2:1" has a soft limit above its hard limit'],
    [parseCpus, "-1", '"-1" is not a number of CPUs'],
    [parseCpus, "1/0", '"1/0" is not a number of CPUs'],
    [parseCpus, ".", '"." is not a number of CPUs'],
    [parseCpus, "1/3", '"1/3" CPUs have more than nine digits behind the point'],
    [parseGpus, "some", '"some" does not say which gpus'],
    [parseRestart, "sometimes", '"sometimes" is not a restart policy'],
    [parseRestart, "always:3", '"always:3" is not a restart policy'],
    [parseExtraHost, "db", '"db" is not a host and its address'],
    [parseLink, "a:b:c", '"a:b:c" is not a link'],
    [parseHealthCommand, "[]", "the list of words is empty"],
    [parseHealthCommand, '["sleep", 1]', '"["sleep", 1]" is not a list of words'],
    [parseWordList, '["sleep", 1]', '"["sleep", 1]" is not a list of words'],
    ...["['sh', '-c', 'true']", "[sh, -c, true]", '["redis-cli", "-a", "a"b"]'].flatMap(
      (text): [typeof parseWordList, string, string][] => [
        [parseWordList, text, "this begins and ends like a list of words, and is no JSON"],
        [
          parseHealthCommand as typeof parseWordList,
          `CMD ${text}`,
          "this begins and ends like a list of words, and is no JSON",
        ],
      ],
    ),
    [parseNetwork, "back ip=300.0.0.1", '"ip=300.0.0.1" is not a setting of a network'],
  ];
  for (const [parse, text, message] of wrong)
    it(`${parse.name} refuses ${text}`, () => {
      expect(() => parse(text)).to.throw(SpecError, message);
    });
});
