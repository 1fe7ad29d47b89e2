// Makes sure that the engine of DOCKER_HOST has an image busybox:latest, for the quick start: the one that is
// there, or Docker Hub's, or, where no registry can be reached, one made of Debian's busybox-static.
import { canInstall, install, isStatic, program } from "./lib/apt.mjs";
import { candidates, request } from "./lib/endpoints.mjs";

const IMAGE = "busybox:latest";
const [endpoint] = candidates();

async function present() {
  return request(endpoint, { path: `/images/${IMAGE}/json` }).then(
    () => true,
    () => false,
  );
}

async function pulled() {
  const path = "/images/create?fromImage=busybox&tag=latest";
  // What goes wrong is told in the answer's lines or by a status; either way the image is not there then.
  await request(endpoint, { method: "POST", path, milliseconds: 20_000 }).catch(() => {});
  return present();
}

async function imported() {
  const busybox = program("busybox");
  if ((!busybox || !isStatic(busybox)) && canInstall()) install(["busybox-static"]);
  const { loadImage } = await import("../dist/test/support/images.js");
  await loadImage(IMAGE);
}

try {
  if (await present()) process.stdout.write(`${IMAGE} is there\n`);
  else if (await pulled()) process.stdout.write(`pulled ${IMAGE}\n`);
  else {
    await imported();
    process.stdout.write(`no registry can be reached: made ${IMAGE} of this machine's static busybox\n`);
  }
} catch (error) {
  process.stderr.write(`no image ${IMAGE}: ${error.message}\n`);
  process.exitCode = 1;
}
