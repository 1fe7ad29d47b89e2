/** Parsers of what a container may be given besides ports and mounts, in the docker CLI's spellings. */
import { isIP } from "node:net";
import { jsonObject } from "./json-object.js";
import { SpecError, splitFields } from "./spec.js";

/** A device of the host in a container (https://docs.docker.com/reference/api/engine/, DeviceMapping). */
export interface DeviceSpec {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

/** What a driver is asked for, a GPU mostly (https://docs.docker.com/reference/api/engine/, DeviceRequest); a count of -1 is all. */
export interface DeviceRequest {
  readonly Driver: string;
  readonly Count: number;
  readonly DeviceIDs?: readonly string[];
  readonly Capabilities?: readonly (readonly string[])[];
  readonly Options?: Readonly<Record<string, string>>;
}

const DEVICE_HELP = "write /dev/name[:/dev/name in the container[:rwm]]";

/** Each letter once. */
const PERMISSIONS = /^(?!.*(.).*\1)[rwm]+$/;

/** `/dev/fuse`, `/dev/a:/dev/b:rw`, or `vendor.com/class=name` of the Container Device Interface. @throws SpecError */
export function parseDevice(text: string): DeviceSpec | DeviceRequest {
  if (/^[\w.-]+\/[\w.-]+=[^:]+$/.test(text)) return { Driver: "cdi", Count: 0, DeviceIDs: [text] };
  const [host = "", second, third, ...rest] = text.split(":");
  const permissionsOnly = second !== undefined && PERMISSIONS.test(second) && third === undefined;
  const inside = second === undefined || permissionsOnly ? host : second;
  const permissions = (permissionsOnly ? second : third) ?? "rwm";
  if (!host.startsWith("/") || !inside.startsWith("/") || rest.length > 0)
    throw new SpecError(`"${text}" is not a device`, [DEVICE_HELP]);
  if (!PERMISSIONS.test(permissions))
    throw new SpecError(`"${text}" has permissions other than r, w and m`, [DEVICE_HELP]);
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: permissions };
}

/** `b 7:* rmw` -> itself, checked. @throws SpecError */
export function parseDeviceRule(text: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text))
    throw new SpecError(`"${text}" is not a device rule`, [
      "write type major:minor permissions, for example b 7:* rmw",
    ]);
  return text;
}

const ULIMITS =
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  );

/** `nofile=1024:2048` (soft:hard), `core=-1`. @throws SpecError */
export function parseUlimit(text: string): { Name: string; Soft: number; Hard: number } {
  const match = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text);
  if (!match)
    throw new SpecError(`"${text}" is not a limit`, ["write name=soft[:hard], for example nofile=1024:2048"]);
  const [, name = "", soft, hard = soft] = match;
  if (!ULIMITS.includes(name))
    throw new SpecError(`there is no limit "${name}"`, [`limits are ${ULIMITS.join(", ")}`]);
  const limit = { Name: name, Soft: Number(soft), Hard: Number(hard) };
  if (![limit.Soft, limit.Hard].every(Number.isSafeInteger))
    throw new SpecError(`"${text}" is beyond all limits`, ["write -1 for no limit"]);
  if (limit.Hard !== -1 && (limit.Soft === -1 || limit.Soft > limit.Hard))
    throw new SpecError(`"${text}" has a soft limit above its hard limit`);
  return limit;
}

/** `1.5`, `.5` or `1/2` of a CPU -> billionths, as an engine counts them; exact, as with the docker CLI. @throws SpecError */
export function parseCpus(text: string): number {
  const help = ["write a number or a fraction: 1.5, 1/2"];
  const [over, under] = fractionOf(text);
  if (under === 0n) throw new SpecError(`"${text}" is not a number of CPUs`, help);
  const billionths = over * 1_000_000_000n;
  if (billionths % under === 0n) return Number(billionths / under);
  throw new SpecError(`"${text}" CPUs have more than nine digits behind the point`, help);
}

/** A denominator of zero stands for what is no number. */
function fractionOf(text: string): readonly [over: bigint, under: bigint] {
  const [, over, under] = /^\+?(\d+)\/(\d+)$/.exec(text) ?? [];
  if (over && under) return [BigInt(over), BigInt(under)];
  const [whole = "", behind = ""] = /^\+?(?=\.?\d)(\d*)(?:\.(\d*))?$/.exec(text)?.slice(1) ?? [];
  return [BigInt(whole + behind), whole + behind === "" ? 0n : 10n ** BigInt(behind.length)];
}

/** `all`, `2`, `device=0`, `"device=0,1",capabilities=utility`, as `docker run --gpus`. @throws SpecError */
export function parseGpus(text: string): DeviceRequest {
  let request: DeviceRequest = { Driver: "", Count: 0, Capabilities: [["gpu"]] };
  const fields = splitFields(text);
  let counted = false;
  for (const [key, value] of fields) {
    if (value === undefined || key === "count") {
      request = { ...request, Count: gpuCount(value ?? key, text) };
      counted = true;
    } else if (key === "device") request = { ...request, DeviceIDs: value.split(",") };
    else if (key === "driver") request = { ...request, Driver: value };
    else if (key === "capabilities")
      request = { ...request, Capabilities: [[...new Set(["gpu", ...value.split(",")])]] };
    else if (key === "options")
      request = { ...request, Options: Object.fromEntries(value.split(",").map(pairOf)) };
    else
      throw new SpecError(`"${text}" has a field "${key}" that gpus does not have`, [
        "write all, a number, or device=0",
      ]);
  }
  if (counted && request.DeviceIDs) throw new SpecError(`"${text}" gives both a count and devices`);
  return counted || request.DeviceIDs ? request : { ...request, Count: 1 };
}

function gpuCount(word: string, text: string): number {
  if (word === "all") return -1;
  if (!/^\d+$/.test(word))
    throw new SpecError(`"${text}" does not say which gpus`, ["write all, a number, or device=0"]);
  return Number(word);
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** When an engine starts a container again (https://docs.docker.com/reference/api/engine/, RestartPolicy); a count of 0 is no limit. */
export interface RestartPolicy {
  readonly Name: string;
  readonly MaximumRetryCount: number;
}

/** `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:5`. @throws SpecError */
export function parseRestart(text: string): RestartPolicy {
  const match = /^(no|always|unless-stopped|on-failure)(?::(\d+))?$/.exec(text);
  if (!match || (match[2] !== undefined && match[1] !== "on-failure"))
    throw new SpecError(`"${text}" is not a restart policy`, [
      "write no, always, unless-stopped, on-failure or on-failure:N",
    ]);
  return { Name: match[1] ?? "no", MaximumRetryCount: Number(match[2] ?? 0) };
}

/** `name:address` or `name=address`; `host-gateway` is an address too. -> `name:address`. @throws SpecError */
export function parseExtraHost(text: string): string {
  const match = /^([^:=\s]+)[:=](.+)$/.exec(text.trim());
  const address = match?.[2]?.trim().replace(/^\[(.*)\]$/, "$1") ?? "";
  if (!match || (address !== "host-gateway" && isIP(address) === 0))
    throw new SpecError(`"${text}" is not a host and its address`, [
      "write name:address, or name:host-gateway",
    ]);
  return `${match[1]}:${address}`;
}

/** `container` or `container:alias`. @throws SpecError */
export function parseLink(text: string): { readonly container: string; readonly alias: string } {
  const [container = "", alias = container, ...rest] = text.split(":").map((piece) => piece.trim());
  if (container === "" || alias === "" || rest.length > 0)
    throw new SpecError(`"${text}" is not a link`, ["write container or container:alias"]);
  return { container, alias };
}

/** A network and how this container joins it. */
export interface NetworkSpec {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
}

/** `back`, `back ip=10.0.0.5 ip6=fd00::5 mac=02:42:… alias=db,master`. @throws SpecError */
export function parseNetwork(text: string): NetworkSpec {
  const [name = "", ...words] = text.trim().split(/\s+/);
  if (name.includes("="))
    throw new SpecError(`"${text}" does not begin with the name of a network`, [
      "write name [ip=…] [ip6=…] [mac=…] [alias=…]",
    ]);
  let spec: NetworkSpec = { name, aliases: [] };
  for (const word of words) {
    const [key, value] = pairOf(word);
    if (key === "alias") spec = { ...spec, aliases: [...spec.aliases, ...value.split(",")] };
    else if (key === "ip" && isIP(value) === 4) spec = { ...spec, ipv4: value };
    else if ((key === "ip6" || key === "ip") && isIP(value) === 6) spec = { ...spec, ipv6: value };
    else if (key === "mac" && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value)) spec = { ...spec, mac: value };
    else
      throw new SpecError(`"${word}" is not a setting of a network`, [
        "settings are ip=, ip6=, mac= and alias=",
      ]);
  }
  return spec;
}

/** What a shell's program `[` has behind it is a blank; `[[` is a shell's, too. */
const LIKE_A_LIST = /^\s*\[(?![\s[])[^]*\]\s*$/;

/**
 * A command that is written as a JSON list of its words, as Dockerfiles and many other descriptions have it.
 * @returns undefined for any other text, which may begin with a bracket, too: so is a shell's program called
 * @throws SpecError for a list of anything else than texts, or with other quotes than JSON's
 */
export function parseWordList(text: string): readonly string[] | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  const list = jsonObject(text);
  if (!Array.isArray(list)) {
    if (!LIKE_A_LIST.test(text)) return undefined;
    throw new SpecError("this begins and ends like a list of words, and is no JSON", [
      'write ["sh", "-c", "…"], with double quotes and a backslash before one within, or words without brackets',
    ]);
  }
  if (list.every((word) => typeof word === "string")) return list;
  throw new SpecError(`"${text}" is not a list of words`, ["put each of its words into quotes"]);
}

/** A health check's command: text for the shell, or a JSON array of words, with a `CMD` before it as in a Dockerfile or
 *  without. -> Healthcheck.Test. @throws SpecError */
export function parseHealthCommand(written: string): readonly string[] {
  const text = written.replace(/^\s*CMD(-SHELL)?\s+/, "");
  if (text.trim() === "NONE") return ["NONE"];
  const words = parseWordList(text);
  if (!words) return ["CMD-SHELL", text];
  if (words.length === 0) throw new SpecError("the list of words is empty", ["write NONE for no check"]);
  return ["CMD", "CMD-SHELL", "NONE"].includes(words[0] ?? "") ? words : ["CMD", ...words];
}
