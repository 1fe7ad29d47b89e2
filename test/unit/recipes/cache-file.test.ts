import { expect } from "chai";
import { assert, property, string } from "fast-check";
import { basename, dirname } from "node:path";
import { cacheFile } from "../../../src/recipes/cache-file.js";

const context = { buildout: { cacheDirectory: "/cache" } };
/** With what is put behind it while it is written, a file system takes no more. */
const NAME_LIMIT = 255 - ".stamp.0123456789ab".length;

describe("a file of the cache", () => {
  it("is in its folder, one for each path, however long", () => {
    const path = string({ unit: "grapheme", maxLength: 400 });
    assert(
      property(path, path, (one, other) => {
        const [file, another] = [cacheFile(context, "kind", one), cacheFile(context, "kind", other)];
        expect(dirname(file)).to.equal("/cache/kind");
        expect(Buffer.byteLength(basename(file))).to.be.at.most(NAME_LIMIT);
        expect(file === another).to.equal(one === other);
      }),
    );
  });

  it("says what it is about", () => {
    expect(cacheFile(context, "contexts", "/srv/web")).to.equal("/cache/contexts/%2Fsrv%2Fweb.json");
  });
});
