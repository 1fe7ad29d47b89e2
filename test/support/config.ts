import { join } from "node:path";
import { runCli } from "./in-process.js";
import { type Files, temporaryFolder } from "./tmp.js";

export interface Asked {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly userDefaults?: string;
}

export interface Answered {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Where the files were. */
  readonly folder: string;
}

/** Runs the command line in a new folder with these files; its own path is shown as `@`. */
export async function ask(
  files: Files,
  { args = ["annotate"], env = {}, userDefaults }: Asked = {},
): Promise<Answered> {
  const home = userDefaults === undefined ? {} : { "home/.tsbuildout/default.cfg": userDefaults };
  const folder = await temporaryFolder({ ...files, ...home });
  const { code, stdout, stderr } = await runCli(args, { cwd: folder, home: join(folder, "home"), env });
  const hidden = (text: string) => text.replaceAll(folder, "@");
  return { code, stdout: hidden(stdout), stderr: hidden(stderr), folder };
}

/** All values of a configuration that is in order, by section and option. */
export async function values(
  files: Files,
  asked: Asked = {},
): Promise<Record<string, Record<string, string | null>>> {
  const { code, stdout, stderr } = await ask(files, {
    ...asked,
    args: ["annotate", "--json", ...(asked.args ?? [])],
  });
  if (code !== 0) throw new Error(stderr);
  const { sections } = JSON.parse(stdout) as {
    sections: Record<string, Record<string, { value: string | null }>>;
  };
  return Object.fromEntries(
    Object.entries(sections).map(([name, options]) => [
      name,
      Object.fromEntries(Object.entries(options).map(([option, { value }]) => [option, value])),
    ]),
  );
}
