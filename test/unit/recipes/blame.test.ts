import { expect } from "chai";
import { blaming } from "../../../src/recipes/blame.js";
import { DockerError } from "../../../src/docker.js";
import { problemOf } from "../../../src/engine/events.js";

/** What engines have said, with the options of the part that they said it of. */
const SAID = [
  { message: "network nosuch not found", values: { networks: "front\nnosuch:alias=x" }, blamed: "networks" },
  {
    message: "No such container: db",
    values: { "volumes-from": "db", command: "sleep 1" },
    blamed: undefined,
  },
  { message: "No such container: base", values: { "volumes-from": "base:ro" }, blamed: "volumes-from" },
  {
    message: "unable to find user nobody1: no matching entries in passwd file",
    values: { user: "nobody1", command: "find user" },
    blamed: "user",
  },
  {
    message: 'error gathering device information while adding custom device "/dev/x9": no such file',
    values: { devices: "/dev/x9:/dev/y:rw" },
    blamed: "devices",
  },
  {
    message: 'invalid mount config for type "bind": bind source path does not exist: /no/dir',
    values: { mounts: "type=bind,source=/no/dir,target=/x" },
    blamed: "mounts",
  },
  {
    message: 'unable to start container process: exec: "nope": executable file not found in $PATH: unknown',
    values: { image: "busybox:1", command: "nope 'with words'" },
    blamed: "command",
  },
  {
    message: 'create data: error looking up volume plugin nosuch: plugin "nosuch" not found',
    values: { name: "looking", driver: "nosuch" },
    blamed: "driver",
  },
  { message: "Minimum memory limit allowed is 6MB", values: { memory: "1k" }, blamed: undefined },
] as const;

describe("what an engine refuses", () => {
  for (const { message, values, blamed } of SAID)
    it(`is blamed on ${blamed ?? "nothing"}: ${message}`, async () => {
      const problem = { code: "engine/refused", message, notes: ["POST /x was answered with 400"] };
      const texts = new Map<string, string>(Object.entries(values));
      const context = { options: values, text: (option: string) => texts.get(option) };
      const refuse = async () => await Promise.reject(new DockerError(problem, { statusCode: 400 }));
      const thrown = await blaming(context, refuse).catch((error: unknown) => error);
      expect(problemOf(thrown)).to.deep.equal({ ...problem, ...(blamed && { option: blamed }) });
    });
});
