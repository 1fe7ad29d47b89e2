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
        ...(code === "engine/not-found" && {
          help: [
            "check its name, and that it is on this engine: docker ps -a, docker images, docker network ls, docker volume ls",
          ],
        }),
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

  it("an answer without words, or with a web page, has its status", () => {
    for (const body of ["", "<html>\n<body>502 Bad Gateway</body>\n</html>"]) {
      const answer = { method: "GET", path: "/info", statusCode: 502, body };
      expect(apiError(answer).problem.message).to.equal("the Docker engine answered with HTTP status 502");
    }
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
    "a push to an engine with containerd's store, without a right to it": {
      said: "push access denied, repository does not exist or may require authorization: server message: invalid_token: authorization failed",
      problem: {
        code: "registry/denied",
        message: "the registry denies access to r.example/x:1",
        notes: [
          "the engine says: push access denied, repository does not exist or may require authorization: server message: invalid_token: authorization failed",
          "asked without a login",
        ],
        help: ["log in (docker login), name a credential helper, or give username and password"],
      },
    },
    "a push to an engine with containerd's store, with a wrong login": {
      said: "authentication required - no",
      problem: {
        code: "registry/denied",
        message: "the registry denies access to r.example/x:1",
        notes: ["the engine says: authentication required - no", "asked without a login"],
        help: ["log in (docker login), name a credential helper, or give username and password"],
      },
    },
    "a tag that stays, to podman": {
      said: "uploading manifest 1 to r.example/x: tag invalid: The image tag '1' already exists",
      problem: {
        code: "registry/tag-refused",
        message: "the registry does not let r.example/x:1 be pushed",
        notes: [
          "the engine says: uploading manifest 1 to r.example/x: tag invalid: The image tag '1' already exists",
        ],
        help: ["an immutable tag stays with its image: push another tag"],
      },
    },
    "a tag that stays, of which containerd's store tells no code": {
      said: "error from registry: The image tag '1' already exists in the 'x' repository and cannot be overwritten because the tag is immutable.",
      problem: {
        code: "registry/tag-refused",
        message: "the registry does not let r.example/x:1 be pushed",
        notes: [
          "the engine says: error from registry: The image tag '1' already exists in the 'x' repository and cannot be overwritten because the tag is immutable.",
        ],
        help: ["an immutable tag stays with its image: push another tag"],
      },
    },
    "an image for another platform, which 26 refuses once it has it": {
      said: "image with reference r.example/x:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64",
      problem: {
        code: "image/other-platform",
        message: "r.example/x:1 is an image for linux/amd64, and the registry has no other",
        option: "platform",
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

describe("what is advised where a registry fails", () => {
  /** As engines 20.10 and 28 and podman 5 say it. */
  const cases: readonly (readonly [said: string, help: string])[] = [
    ["received unexpected HTTP status: 500 Internal Server Error", "the registry itself has failed"],
    [
      "unexpected status from HEAD request to http://r/v2/x/manifests/1: 503 Service Unavailable",
      "the registry itself",
    ],
    ["toomanyrequests: You have reached your pull rate limit", "the registry limits how often"],
    [
      "unexpected status from HEAD request to http://r/v2/x/manifests/1: 429 Too Many Requests",
      "the registry limits",
    ],
    [
      'Get "https://r/v2/": http: server gave HTTP response to HTTPS client',
      "the registry speaks plain HTTP: name it in insecure-registries",
    ],
    [
      'Get "https://r/v2/": x509: certificate signed by unknown authority',
      "put the certificate of the registry's CA",
    ],
    [
      "no matching manifest for linux/arm64/v8 in the manifest list entries",
      "the registry has no image for this platform",
    ],
    ["write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "make room on the disk"],
    [
      "error parsing HTTP 404 response body: invalid character 'o' in literal null (expecting 'u'): \"nothing\"",
      "is that a registry's address",
    ],
    [
      "error unmarshalling content: invalid character '<' looking for beginning of value",
      "is that a registry's address",
    ],
    ["dial tcp: lookup r.example: no such host", "is the registry running"],
    [
      'writing blob: Patch "http://r/v2/x": write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe',
      "is the registry running",
    ],
    ['writing blob: Patch "http://r/v2/y": EOF', "is the registry running"],
    [
      'failed to copy: failed to do request: Put "http://r/v2/x": write tcp 127.0.0.1:1->127.0.0.1:2: use of closed network connection',
      "is the registry running",
    ],
  ];
  for (const [said, help] of cases)
    it(said.slice(0, 60), () => {
      const error = registryError(new DockerError({ code: "engine/failed", message: said }), "r/x:1");
      const { problem } = error as DockerError;
      expect(problem).to.include({ code: "registry/failed", message: `r/x:1: ${said}` });
      expect(problem.help?.join()).to.match(new RegExp(`^${help}`));
    });

  it("also where an engine gives the registry's status on", () => {
    const refused = { code: "engine/refused", message: "toomanyrequests: slow down" };
    const error = registryError(new DockerError(refused, { statusCode: 429 }), "r/x:1");
    expect((error as DockerError).problem).to.deep.equal({
      code: "registry/failed",
      message: "r/x:1: toomanyrequests: slow down",
      help: [
        "the registry limits how often it is asked: wait, or log in (docker login) where that gives more",
      ],
    });
    const other = new DockerError(refused, { statusCode: 400 });
    expect(registryError(other, "r/x:1"), "the engine's own").to.equal(other);
  });

  it("nothing is invented for what nobody knows", () => {
    const said = { code: "engine/failed", message: "lease does not exist" };
    expect((registryError(new DockerError(said), "r/x:1") as DockerError).problem).to.deep.equal({
      code: "registry/failed",
      message: "r/x:1: lease does not exist",
    });
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
