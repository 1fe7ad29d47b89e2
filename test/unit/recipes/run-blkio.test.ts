import { expect } from "chai";
import {
  parseDeviceBytes,
  parseDeviceOperations,
  parseDeviceWeight,
} from "../../../src/recipes/run-blkio.js";

describe("limits of block devices", () => {
  it("are read as the docker CLI has them", () => {
    expect(parseDeviceWeight("/dev/sda:300")).to.deep.equal({ Path: "/dev/sda", Weight: 300 });
    expect(parseDeviceBytes("/dev/disk/by-id/a:b:1.5mb")).to.deep.equal({
      Path: "/dev/disk/by-id/a:b",
      Rate: 1_572_864,
    });
    expect(parseDeviceOperations("/dev/sda:100")).to.deep.equal({ Path: "/dev/sda", Rate: 100 });
  });

  const wrong: readonly (readonly [(text: string) => unknown, string, string])[] = [
    [parseDeviceWeight, "300", '"300" names no device and its limit'],
    [parseDeviceWeight, "sda:300", '"sda:300" names no device and its limit'],
    [parseDeviceWeight, "/dev/sda:9", '"9" is not a weight'],
    [parseDeviceWeight, "/dev/sda:1001", '"1001" is not a weight'],
    [parseDeviceBytes, "/dev/sda:", '"/dev/sda:" names no device and its limit'],
    [parseDeviceBytes, "/dev/sda:fast", '"fast" is not a size'],
    [parseDeviceBytes, "/dev/sda:-1", '"-1" is not a rate'],
    [parseDeviceOperations, "/dev/sda:1k", '"1k" is not a rate'],
    [parseDeviceOperations, "/dev/sda:0", '"0" is not a rate'],
  ];
  for (const [parse, text, message] of wrong)
    it(`are not: ${text}`, () => expect(() => parse(text)).to.throw(message));
});
