import { expect } from "chai";
import { apiError, DockerError } from "../../../src/docker/errors.js";
import { registryError } from "../../../src/docker/registry-error.js";
import { freezeFor } from "../../../src/recipes/freeze.js";
import { problemOf } from "../../support/problem.js";

describe("what an engine's refusal is called", () => {
  const statuses = {
    400: "engine/refused",
    401: "engine/denied",
    403: "engine/denied",
    404: "engine/not-found",
    409: "engine/conflict",
    500: "engine/failed",
  };
  for (const [status, code] of Object.entries(statuses))
    it(`${status}: ${code}, in its own words`, () => {
      const answer = { method: "GET", path: "/info", statusCode: Number(status), body: '{"message":"no"}' };
      expect(apiError(answer).problem).to.deep.equal({
        code,
        message: "no",
        notes: [`GET /info was answered with ${status}`],
      });
    });

  it("a call that the engine does not know: podman says so in plain text", () => {
    const answer = { method: "GET", path: "/distribution/x/json", statusCode: 404, body: "Not Found\n" };
    expect(apiError(answer).problem).to.deep.equal({
      code: "engine/unknown-call",
      message: "Not Found",
      notes: ["GET /distribution/x/json was answered with 404"],
    });
  });

  it("an answer without words has its status", () => {
    const answer = { method: "GET", path: "/info", statusCode: 502, body: "" };
    expect(apiError(answer).problem.message).to.equal("the Docker engine answered with HTTP status 502");
  });
});

describe("what a registry's refusal is called", () => {
  const cases: Readonly<Record<string, { readonly said: string; readonly problem: object }>> = {
    "a repository that is not there": {
      said: "name unknown: The repository with name 'x' does not exist",
      problem: {
        code: "registry/no-repository",
        message: "the registry has no repository for r.example/x:1",
        notes: ["the engine says: name unknown: The repository with name 'x' does not exist"],
        help: ["create the repository; docker.ecr-push does so by itself"],
      },
    },
    "a tag that stays": {
      said: "tag invalid: The image tag '1' already exists and cannot be overwritten",
      problem: {
        code: "registry/tag-refused",
        message: "the registry does not let r.example/x:1 be pushed",
        notes: ["the engine says: tag invalid: The image tag '1' already exists and cannot be overwritten"],
        help: ["an immutable tag stays with its image: push another tag"],
      },
    },
    "a push to podman without a login": {
      said: "trying to reuse blob sha256:1 at destination: checking whether a blob sha256:1 exists in r.example/x: authentication required",
      problem: {
        code: "registry/denied",
        message: "the registry denies access to r.example/x:1",
        notes: [
          "the engine says: trying to reuse blob sha256:1 at destination: checking whether a blob sha256:1 exists in r.example/x: authentication required",
          "asked without a login",
        ],
        help: ["log in (docker login), name a credential helper, or give username and password"],
      },
    },
    "an image that is not there": {
      said: "manifest unknown",
      problem: {
        code: "registry/missing",
        message: "there is no image r.example/x:1",
        notes: ["the engine says: manifest unknown"],
        help: ["check the name and the tag; a private repository looks the same without credentials"],
      },
    },
    "somebody who may not": {
      said: "denied: requested access to the resource is denied",
      problem: {
        code: "registry/denied",
        message: "the registry denies access to r.example/x:1",
        notes: [
          "the engine says: denied: requested access to the resource is denied",
          "asked without a login",
        ],
        help: ["log in (docker login), name a credential helper, or give username and password"],
      },
    },
  };
  for (const [what, { said, problem }] of Object.entries(cases))
    it(what, () => {
      const error = registryError(
        new DockerError({ code: "engine/stream-error", message: said }),
        "r.example/x:1",
      );
      expect((error as DockerError).problem).to.deep.equal(problem);
    });
});

describe("an architecture without freeze", () => {
  it("is refused as gentoo/architecture, with those that there are", async () => {
    expect(await problemOf(async () => freezeFor("vax"))).to.deep.equal({
      code: "gentoo/architecture",
      message: "there is no /bin/freeze for vax",
      notes: ["there are 386, amd64, arm64, arm, riscv64, ppc64le, s390x"],
      help: ["set command to a program of the image that does not end"],
    });
  });
});
