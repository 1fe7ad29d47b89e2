import { testBuildout, type TestBuildout } from "../../src/testing.js";
import { engineHost, engineJson, engineRequest } from "./engine.js";
import { type Files, writeFiles } from "./tmp.js";

export interface ImageBuildout {
  readonly config: string;
  readonly files?: Files;
  readonly env?: Readonly<Record<string, string>>;
}

/** A buildout on the engine under test. Its parts see no settings of whoever runs the tests. */
export async function imageBuildout({ config, files = {}, env = {} }: ImageBuildout): Promise<TestBuildout> {
  const path = process.env["PATH"] ?? "/usr/bin:/bin";
  const buildout = await testBuildout({ config, env: { PATH: path, DOCKER_HOST: engineHost(), ...env } });
  await writeFiles(buildout.directory, files);
  return buildout;
}

/** Makes buildouts that are uninstalled and taken away after each test. To be called within a `describe`. */
export function imageBuildouts(): (of: ImageBuildout) => Promise<TestBuildout> {
  const open: TestBuildout[] = [];
  afterEach(async () => {
    for (const made of open.splice(0)) {
      await made.uninstall();
      await made.dispose();
    }
  });
  return async (of) => {
    const made = await imageBuildout(of);
    open.push(made);
    return made;
  };
}

/** Installs and expects every part to end well; gives the outputs of a part. */
export async function installed(
  buildout: TestBuildout,
  part: string,
): Promise<Readonly<Record<string, string>>> {
  const summary = await buildout.install();
  if (!summary.ok) throw new Error(diagnostics(buildout).join("\n"));
  return (await buildout.records()).get(part)?.outputs ?? {};
}

/** Installs, expects it to fail, and gives what the user was told, without the places in the file. */
export async function failing(buildout: TestBuildout): Promise<string> {
  buildout.events.length = 0;
  const summary = await buildout.install();
  if (summary.ok) throw new Error("nothing went wrong");
  return diagnostics(buildout).join("\n");
}

/** The lines of the file that the user was shown. */
export function blamed(buildout: TestBuildout): (string | undefined)[] {
  return buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.diagnostic.lineText] : []));
}

/** What the user was told: code, message, notes and help of every diagnostic. */
export function diagnostics(buildout: TestBuildout): string[] {
  return buildout.events.flatMap((event) => {
    if (event.type !== "diagnostic") return [];
    const { code, message, notes, help } = event.diagnostic;
    return [
      [
        `${code}: ${message}`,
        ...notes.map((note) => `note: ${note}`),
        ...help.map((text) => `help: ${text}`),
      ].join("\n"),
    ];
  });
}

export interface Inspected {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Config: {
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Env?: readonly string[] | null;
  };
}

/** What the engine has under a name or an id; undefined where it has nothing. */
export async function inspectedImage(name: string): Promise<Inspected | undefined> {
  const { status, body } = await engineRequest({ path: `/images/${name}/json` });
  if (status === 404) return undefined;
  return JSON.parse(body.toString()) as Inspected;
}

/** Ids of all images that a buildout's part has left on the engine. */
export async function imagesOf(part: string, id: string): Promise<string[]> {
  const label = [`org.tsbuildout.buildout=${id}`, `org.tsbuildout.part=${part}`];
  const filters = encodeURIComponent(JSON.stringify({ label }));
  const images = await engineJson<{ Id: string }[]>({ path: `/images/json?filters=${filters}` });
  return images.map(({ Id }) => Id);
}

/** Runs a container to its end and gives what it printed. */
export async function printed(image: string, command: readonly string[]): Promise<string> {
  const body = { Image: image, Cmd: command, Tty: true };
  const { Id } = await engineJson<{ Id: string }>({ method: "POST", path: "/containers/create", body });
  try {
    await engineJson({ method: "POST", path: `/containers/${Id}/start` });
    await engineJson({ method: "POST", path: `/containers/${Id}/wait` });
    const { body: log } = await engineRequest({ path: `/containers/${Id}/logs?stdout=1&stderr=1` });
    return log.toString().replaceAll("\r\n", "\n");
  } finally {
    await engineRequest({ method: "DELETE", path: `/containers/${Id}?force=1` });
  }
}
