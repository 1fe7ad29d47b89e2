import { expect } from "chai";
import { platformObject } from "../../../src/docker/image-platform.js";
import { isFor, platformFor } from "../../../src/recipes/image-platform.js";
import type { Engine } from "../../../src/docker.js";
import type { Problem } from "../../../src/recipe.js";

describe("the platform of an image", () => {
  it("is asked for in the form of the API", () => {
    expect(platformObject(undefined)).to.equal(undefined);
    expect(platformObject("arm64")).to.deep.equal({ os: "linux", architecture: "arm64" });
    expect(platformObject("linux/arm/v7")).to.deep.equal({
      os: "linux",
      architecture: "arm",
      variant: "v7",
    });
  });

  it("is that of an image by all that is said of it", () => {
    const v7 = { Os: "linux", Architecture: "arm", Variant: "v7" };
    const is = (
      platform: string | undefined,
      image: Parameters<typeof isFor>[0] = v7,
      variant = true,
    ): boolean => isFor(image, platform, { variant });
    for (const platform of [undefined, "linux", "arm", "linux/arm", "linux/arm/v7"])
      expect(is(platform), platform).to.equal(true);
    for (const platform of ["windows", "arm64", "windows/arm", "linux/arm/v6", "linux/mips64le"])
      expect(is(platform), platform).to.equal(false);
    expect(is("linux/arm/v6", v7, false), "as good as it gets").to.equal(true);
    const mips = { Os: "linux", Architecture: "mips64le" };
    expect([is("linux/mips64le", mips), is("linux/amd64", mips)]).to.deep.equal([true, false]);
    expect(is("linux/x86_64", { Os: "linux", Architecture: "amd64" })).to.equal(true);
    expect(is("linux/arm64", {}), "an engine that does not say").to.equal(true);
  });

  it("is not asked for where an engine passes over it, which is said", () => {
    const warnings: Problem[] = [];
    const context = {
      options: { platform: "linux/arm64" },
      warn: (problem: Problem) => void warnings.push(problem),
    };
    const at = (apiVersion: string): string | undefined =>
      platformFor(context as never, { apiVersion } as Engine, "1.48");
    expect(at("1.48")).to.equal("linux/arm64");
    expect(warnings).to.deep.equal([]);
    expect(at("1.47")).to.equal(undefined);
    expect(warnings).to.deep.equal([
      {
        code: "option/no-effect",
        message:
          "platform has no effect: this engine (API 1.47) has one image under a name, whatever it is for",
        option: "platform",
      },
    ]);
  });
});
