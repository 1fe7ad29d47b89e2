import { expect } from "chai";
import { type Ecr, startEcr } from "../../support/ecr.js";
import { image, said } from "../../support/played-part.js";

describe("what ECR refuses, on a played engine", () => {
  let ecr: Ecr;
  before(async () => (ecr = await startEcr({ registry: false })));
  after(async () => await ecr.close());

  it("says exactly ecr/push-denied", async () => {
    const refusal = "denied: User is not authorized to perform: ecr:InitiateLayerUpload";
    const push = `POST /images/${encodeURIComponent(ecr.registry)}/team/app/push`;
    const answer = await said({
      part: "recipe = docker.ecr-push\nimage = x\nrepository = team/app",
      env: ecr.env,
      answers: { ...image, [push]: { error: refusal, errorDetail: { message: refusal } } },
    });
    expect(answer).to.deep.equal({
      code: 1,
      text: `error[ecr/push-denied]: ECR denies the push of ${ecr.registry}/team/app:latest (part web)
  buildout.cfg:4:10
4 | recipe = docker.ecr-push
  |          ^^^^^^^^^^^^^^^
  = note: the engine says: ${refusal}
  = note: asked as AWS (ECR)
  = help: allow ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload and ecr:PutImage on the repository
`,
    });
  });
});
