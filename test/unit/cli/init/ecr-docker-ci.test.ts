import { expect } from "chai";
import { fromEcrDockerCi } from "../../../../src/cli/init/ecr-docker-ci.js";
import { ecrDockerCiExample } from "../../../support/originals.js";

const README = ecrDockerCiExample("test_docker_image:v0.1");

/** What the section Docker makes of an image. */
function image(docker: string): string {
  return fromEcrDockerCi(`Global: { actions: build }\nDocker: ${docker}\n`).text;
}

describe("init --from ecr-docker-ci", () => {
  it("makes a part of each action, and leaves keys out of the file", () => {
    const { text, notes } = fromEcrDockerCi(README);
    expect(text).to.equal(`[buildout]
parts = image push publish

[image]
recipe = docker.build
tag = test_docker_image:v0.1

[push]
recipe = docker.push
image = $<image:image>

[publish]
recipe = docker.ecr-push
image = $<image:image>
region_name = us-west-2
ecr_repo_name = company/image
tags = v0.1
latest = false
`);
    expect(notes).to.deep.equal([
      "the keys of Amazon ECR were not carried over: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have the AWS SDK find others",
    ]);
  });

  it("has every option of docker.build, however YAML writes it", () => {
    const { text, notes } = fromEcrDockerCi(`Global: { actions: [build] }
Docker:
  path: "."
  tag: app
  quiet: True
  nocache: yes
  rm: false
  timeout: 120
  encoding: gzip
  pull: True
  forcerm: False
  dockerfile: 'docker/Dockerfile'
  buildargs: {"VERSION": 1.2, "EMPTY": ""}
  container_limits:
    memory: 1073741824
    cpusetcpus: "0,1"
  shmsize: 67108864
  labels: [a=b]
  decode: True
  cache_from: ["app:1", "app:2"]
  colour: red
`);
    expect(text).to.equal(`[buildout]
parts = image

[image]
recipe = docker.build
path = .
tag = app
quiet = true
nocache = yes
rm = false
encoding = gzip
pull = true
forcerm = false
dockerfile = docker/Dockerfile
buildargs =
    VERSION=1.2
    EMPTY=
container_limits =
    memory=1073741824
    cpusetcpus=0,1
shmsize = 67108864
labels = a=b
cache_from =
    app:1
    app:2
builder = classic
`);
    expect(notes).to.deep.equal([
      "Docker.timeout was not carried over: it was for HTTP; here timeout ends the whole part",
      "Docker.colour was not carried over",
    ]);
  });

  it("leaves every value as it is", () => {
    expect(image('{ tag: "a$<b", buildargs: { A: "$<x:y> $$" } }')).to.contain(
      "\ntag = a$$<b\nbuildargs = A=$$<x:y> $$$\n",
    );
  });

  it("takes a Dockerfile in fileobj, an archive, or a name", () => {
    expect(image('{ fileobj: "FROM x\\nRUN echo $$ ${A} $<b\\n" }')).to.equal(
      "[buildout]\nparts = image\nsubstitution = angle\n\n[image]\nrecipe = docker.build\nfileobj =\n    FROM x\n    RUN echo $$$ ${A} $$<b\n",
    );
    expect(image("{ fileobj: context.tar, custom_context: True }")).to.contain(
      "\nfileobj = context.tar\ncustom_context = true\n",
    );
    expect(image("{ fileobj: ci.dockerfile }")).to.contain("\ndockerfile = ci.dockerfile\n");
  });

  it("publishes what somebody else has built, and says what it knows no action for", () => {
    const { text, notes } = fromEcrDockerCi(
      "Global: { actions: [push_to_ecr, scan] }\nDocker: { tag: 'host:5000/app' }\nAmazon ECR: { ecr_repo_name: app, scan: true }\n",
    );
    expect(text).to.equal(
      "[buildout]\nparts = publish\n\n[publish]\nrecipe = docker.ecr-push\nimage = host:5000/app\necr_repo_name = app\ntags = latest\n",
    );
    expect(notes).to.deep.equal([
      "Amazon ECR.scan was not carried over",
      "the action scan was not carried over",
    ]);
  });
});
