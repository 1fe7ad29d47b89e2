import type { Dockerfile, Instruction, Stage } from "./dockerfile.js";
import { formatReference, parseReference, withDefaultTag } from "./reference.js";

/**
 * Finds the instruction that a step of the builder stands for.
 * @param name BuildKit's `[2/3] RUN make` or `[stage 2/3] RUN make`, the classic builder's `Step 2/4 : RUN make`,
 *   podman's `STEP 2/4: RUN make` or, of the first of two stages, `[1/2] STEP 2/4: RUN make`
 */
export function instructionOf(dockerfile: Dockerfile, name: string): Instruction | undefined {
  const base = baseOf(name);
  if (base !== undefined) {
    const stage = dockerfile.stages.find(({ from }) => isCalled(from, base)) ?? varying(dockerfile);
    return stage && fromOf(dockerfile, stage);
  }
  const classic = /^Step (\d+)\/\d+ : (\w+)/.exec(name);
  if (classic) {
    const found = dockerfile.instructions[Number(classic[1]) - 1];
    // The labels that it is given are steps behind those of the file.
    return found?.keyword === classic[2]?.toUpperCase() ? found : undefined;
  }
  const podman = /^(?:\[(\d+)\/\d+\] )?STEP (\d+)\/\d+: (\w+)/.exec(name);
  if (podman)
    return ofStage(dockerfile, { stage: Number(podman[1] ?? 1), step: Number(podman[2]) }, podman[3]);
  const step = /^\[(?:(.+) )?(\d+)\/(\d+)\] (\w+)/.exec(name);
  if (!step) return undefined;
  const [, stageName, number, total, keyword] = step;
  const candidates = dockerfile.stages.filter((_stage, index) => isNamed(dockerfile, index, stageName));
  for (const stage of candidates) {
    const counted = countedSteps(dockerfile, stage);
    // Steps that the image brings along (ONBUILD) come first, and stand in no line of their own.
    const brought = Number(total) - counted.length;
    if (brought !== 0 && candidates.length > 1) continue;
    if (brought > 0 && keyword === "ONBUILD") return fromOf(dockerfile, stage);
    const at = Number(number) - 1;
    const found = counted[at === 0 ? 0 : at - brought];
    if (found?.keyword === keyword?.toUpperCase()) return found;
  }
  return undefined;
}

/** The image that BuildKit asks the engine, or its registry, for in a step of its own. */
function baseOf(name: string): string | undefined {
  return /^\[internal\] load metadata for (\S+)$/.exec(name)?.[1];
}

/** The image that a step of any builder begins with. */
export function startOf(name: string): string | undefined {
  return baseOf(name) ?? /^(?:\[.+\] )?step \d+\/\d+ ?: FROM (?:--\S+ )?(\S+)/i.exec(name)?.[1];
}

/** The one stage whose image a build argument names. */
function varying({ stages }: Dockerfile): Stage | undefined {
  const [stage, ...others] = stages.filter(({ from }) => from.includes("$"));
  return others.length === 0 ? stage : undefined;
}

/** Whether a FROM means the image that BuildKit calls by its full name. */
function isCalled(from: string, full: string): boolean {
  try {
    return formatReference(withDefaultTag(parseReference(from))) === full;
  } catch {
    // With a build argument in it, or a mistake.
    return false;
  }
}

function fromOf({ instructions, stages }: Dockerfile, stage: Stage): Instruction | undefined {
  return instructions.filter(({ keyword }) => keyword === "FROM")[stages.indexOf(stage)];
}

/** Podman counts within a stage, from its FROM on; stages that it leaves out it does not count, so the keyword is compared. */
function ofStage(
  dockerfile: Dockerfile,
  at: { readonly stage: number; readonly step: number },
  keyword: string | undefined,
): Instruction | undefined {
  const from = dockerfile.instructions.filter((one) => one.keyword === "FROM")[at.stage - 1];
  const found = at.step === 1 ? from : dockerfile.stages[at.stage - 1]?.instructions[at.step - 2];
  return found?.keyword === keyword?.toUpperCase() ? found : undefined;
}

/** BuildKit names a stage by its name or as `stage-N`, without the platform that may stand before it. */
function isNamed(dockerfile: Dockerfile, index: number, name: string | undefined): boolean {
  if (name === undefined) return true;
  const short = name.split(" ").at(-1);
  return dockerfile.stages[index]?.name === short || `stage-${index}` === short;
}

const COUNTED = new Set(["RUN", "COPY", "ADD", "WORKDIR"]);

/** What BuildKit numbers: what makes a layer, and before it the FROM of an image (not of another stage). */
function countedSteps(dockerfile: Dockerfile, stage: Stage): Instruction[] {
  const steps = stage.instructions.filter(({ keyword }) => COUNTED.has(keyword));
  const internal =
    stage.from === "scratch" || dockerfile.stages.some(({ name }) => name === stage.from.toLowerCase());
  if (internal) return steps;
  const from = fromOf(dockerfile, stage);
  return from ? [from, ...steps] : steps;
}
