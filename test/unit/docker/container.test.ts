import { expect } from "chai";
import { type Engine, inspectContainer } from "../../../src/docker.js";
import { DockerError } from "../../../src/docker/errors.js";

/** An engine that answers to looks at a container with these statuses, one after the other. */
function answering(libpod: boolean, ...statuses: number[]): Engine {
  const request = async (): Promise<unknown> => {
    const statusCode = statuses.shift();
    if (statusCode === 200) return await Promise.resolve({ Id: "c", Name: "/web" });
    throw new DockerError(
      { code: "engine/failed", message: `status ${statusCode}` },
      { statusCode: statusCode! },
    );
  };
  return { libpod, request } as unknown as Engine;
}

/** Its id, or why there is none. */
async function look(engine: Engine): Promise<string> {
  return await inspectContainer({ engine }, "web").then(
    (found) => found?.Id ?? "none",
    (error: Error) => error.message,
  );
}

describe("a look at a container", () => {
  it("finds none where podman stumbled over one that was going", async () => {
    expect(await look(answering(true, 500, 404))).to.equal("none");
    expect(await look(answering(true, 500, 200))).to.equal("c");
  });

  it("fails where the engine does", async () => {
    expect(await look(answering(true, 500, 500))).to.equal("status 500");
    expect(await look(answering(false, 500, 404))).to.equal("status 500");
  });
});
