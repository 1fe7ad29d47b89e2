import { expect } from "chai";
import { type Engine, removeContainer } from "../../../src/docker.js";
import type { EngineRequest } from "../../../src/docker/request.js";

const MADE = "2026-01-01T12:00:00.123456789Z";

/** What removing a container that was made at noon asks of an engine; `volumes`: what it mounts, and when that was made. */
async function removal(libpod: boolean, volumes: Readonly<Record<string, string>>): Promise<string[]> {
  const asked: string[] = [];
  const Mounts = Object.keys(volumes).map((Name) => ({ Type: "volume", Name }));
  const all = Object.entries(volumes).map(([Name, time]) => ({
    Name,
    CreatedAt: `2026-01-01T${time}Z`,
    Anonymous: !Name.startsWith("named"),
  }));
  const request = async ({ method, path, query }: EngineRequest): Promise<unknown> => {
    if (method === "DELETE") asked.push([path, ...(query ? [`v=${query["v"] === true}`] : [])].join(" "));
    if (path === "/libpod/volumes/json") return await Promise.resolve([...all, { ...all[0], Name: "other" }]);
    return { Id: "c", Name: "/web", Created: MADE, Mounts };
  };
  await removeContainer({ engine: { libpod, request } as unknown as Engine }, "web");
  return asked;
}

describe("containers that are removed", () => {
  it("have their engine remove their volumes without a name", async () => {
    expect(await removal(false, { old: "11:00:00", own: "12:00:00.2" })).to.deep.equal([
      "/containers/web v=true",
    ]);
    for (const volumes of [{}, { own: "12:00:00.124" }, { own: "12:00:00.2", named: "11:00:00" }])
      expect(await removal(true, volumes)).to.deep.equal(["/containers/web v=true"]);
  });

  it("leave with podman those that they mount by name: the older ones", async () => {
    expect(await removal(true, { old: "11:59:59.9", own: "12:00:00.2" })).to.deep.equal([
      "/containers/web v=false",
      "/volumes/own",
    ]);
  });

  it("leave them also where the clock was set back before the container was made", async () => {
    expect(await removal(true, { old: "15:00:00" })).to.deep.equal(["/containers/web v=false"]);
  });
});
