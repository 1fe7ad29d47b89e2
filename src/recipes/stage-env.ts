import type { ConfigureContext } from "tsbuildout/recipe";
import type { StageSchema } from "./stage-options.js";

/** Options that a stage computes: `env.NAME` per variable, `vol.STAGE` per volume that it reads. */
export const ENV = "env.";
export const VOLUME = "vol.";

/** `create-stack` -> `CREATE_STACK`. */
export function variableOf(stage: string): string {
  return stage.toUpperCase().replaceAll("-", "_");
}

/** What a line of `env` says, as computed options, so that a changed value runs the stage again. */
export async function configureEnv(
  context: ConfigureContext<StageSchema>,
  recipeOf: (section: string) => string | undefined,
): Promise<void> {
  for (const line of context.options.env ?? []) {
    const at = line.indexOf("=");
    if (at > 0) context.compute(ENV + line.slice(0, at), line.slice(at + 1), { inPlace: true, from: "env" });
    else if (recipeOf(line) === "docker.stage") await fromStage(context, line);
    else fromEnvironment(context, line);
  }
}

async function fromStage(context: ConfigureContext<StageSchema>, stage: string): Promise<void> {
  const output = await context.reference(stage, "stdout");
  if (output) context.compute(ENV + variableOf(stage), output.text, { inPlace: true, secret: output.secret });
}

function fromEnvironment(context: ConfigureContext<StageSchema>, name: string): void {
  const value = context.env[name];
  if (value === undefined)
    return context.fail({
      code: "stage/env-unset",
      message: `"${name}" is neither a stage nor a variable of the environment`,
      help: [`set ${name} before tsbuildout starts, or write ${name}=VALUE`],
      option: "env",
    });
  // It may be a key or a token: what comes from outside is recorded as a hash only.
  context.compute(ENV + name, value, { inPlace: true, secret: looksSecret(name) });
}

/** Names of variables whose values must not be shown; others (a region, a branch) would blot out logs as `***`. */
export function looksSecret(name: string): boolean {
  return /SECRET|TOKEN|PASSW|PRIVATE|CREDENTIAL|(^|_)(KEY|PWD|AUTH)(_|$)|ACCESS_KEY/i.test(name);
}
