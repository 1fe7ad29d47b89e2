import { pack } from "tar-stream";
import { buffer } from "node:stream/consumers";
import { baseImage } from "./images.js";
import { engineRequest } from "./engine.js";

/** Builds an image under a tag from the base image, with programs (shell scripts) in its /bin. */
export async function imageWithPrograms(
  tag: string,
  programs: Readonly<Record<string, string>>,
  rest = "",
): Promise<void> {
  const context = pack();
  context.entry({ name: "Dockerfile" }, `FROM ${baseImage}\nCOPY bin /bin\n${rest}`);
  for (const [name, script] of Object.entries(programs))
    context.entry({ name: `bin/${name}`, mode: 0o755 }, `#!/bin/sh\n${script}`);
  context.finalize();
  const body = await buffer(context);
  const path = `/build?rm=1&forcerm=1&t=${encodeURIComponent(tag)}`;
  const answer = await engineRequest({ method: "POST", path, body });
  if (answer.status !== 200 || answer.body.includes('"errorDetail"'))
    throw new Error(`cannot build ${tag}: ${answer.status} ${answer.body.toString()}`);
}

/** Builds an image that runs a script of its own. */
export async function imageWithCommand(tag: string, script: string): Promise<void> {
  await imageWithPrograms(tag, { start: script }, 'CMD ["/bin/start"]\n');
}
