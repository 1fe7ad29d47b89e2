import { expect } from "chai";
import { namesInEngine, namesPut, outputsWithNames } from "../../../src/recipes/build-output.js";
import { problemOf } from "../../support/problem.js";

const asked = (...output: string[]) => ({ name: "app", tags: ["2"], output });

describe("what buildx puts somewhere", () => {
  it("is on the engine under the build's names where nothing else is said", () => {
    expect(namesInEngine(asked())).to.deep.equal(["app:latest", "app:2"]);
    expect(namesPut(asked())).to.deep.equal([]);
    expect(outputsWithNames(asked())).to.deep.equal([]);
  });

  it("may be on the engine as well where it is an image, under the names that the output gives it", () => {
    expect(namesInEngine(asked("type=docker"))).to.deep.equal(["app:latest", "app:2"]);
    expect(namesInEngine(asked("type=registry,name=r:5/a", "TYPE=image,push=true"))).to.deep.equal([
      "r:5/a:latest",
      "app:latest",
      "app:2",
    ]);
    expect(namesInEngine(asked('type=docker,"name=a:1,b"'))).to.deep.equal(["a:1", "b:latest"]);
    for (const output of ["out", "type=local,dest=out", "type=docker,dest=a.tar", "type=oci,dest=a.tar"])
      expect(namesInEngine(asked(output)), output).to.deep.equal([]);
  });

  it("goes to registries where it is pushed", () => {
    expect(namesPut(asked("type=docker", "out", "type=registry,name=r:5/a:1"))).to.deep.equal(["r:5/a:1"]);
  });

  it("has a name in each output that is an image", () => {
    const outputs = ["type=registry,name=r:5/a", "type=docker,dest=a.tar", "type=local,dest=out", "out"];
    expect(outputsWithNames(asked(...outputs))).to.deep.equal([
      "type=registry,name=r:5/a",
      'type=docker,dest=a.tar,"name=app:latest,app:2"',
      "type=local,dest=out",
      "out",
    ]);
  });

  it("is not written where nobody reads it", async () => {
    for (const output of ["-", "type=tar", "type=oci", "type=docker,dest=-"])
      expect(
        await problemOf(async () => await Promise.resolve(namesInEngine(asked(output)))),
        output,
      ).to.include({
        message: `output: "${output}" goes to standard output, which nobody reads`,
        option: "output",
      });
  });

  it("is not put under what is no name", async () => {
    const outputs = asked("type=image,name=App");
    expect(await problemOf(async () => await Promise.resolve(namesInEngine(outputs)))).to.include({
      code: "reference/invalid",
      option: "output",
    });
  });
});
