/** A name for a run that sorts by time: `20260102-030405-1a2b`. */
export function newRunId(now: Date, pid: number): string {
  const stamp = now.toISOString().replaceAll(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${stamp}-${pid.toString(16)}`;
}
