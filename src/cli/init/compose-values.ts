import { asList, asMap, asPairs, asText, asTexts, type Yaml } from "./yaml.js";

type Map = { [key: string]: Yaml };

/** A reference is one word whatever it comes to, nothing included. */
function quote(word: string): string {
  return /^[\w@%+=:,./$-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command as a list keeps its words; as a text it is split as a shell splits words, by Compose as by us. */
export function joinCommand(value: Yaml): string | undefined {
  return Array.isArray(value) ? asTexts(value).map(quote).join(" ") : asText(value);
}

export function longPort(port: Map): string {
  const host = asText(port["host_ip"]);
  const published = asText(port["published"]);
  const protocol = asText(port["protocol"]);
  const head = published === undefined ? "" : `${host === undefined ? "" : `${host}:`}${published}:`;
  return `${head}${asText(port["target"]) ?? ""}${protocol === undefined ? "" : `/${protocol}`}`;
}

/** A path that could be a name says that it is none. */
export function asPath(text: string): string {
  return /^[./~$]/.test(text) ? text : `./${text}`;
}

export function longVolume(volume: Map): string {
  const said = asText(volume["source"]);
  const source = volume["type"] === "bind" && said !== undefined ? asPath(said) : said;
  const bind = asMap(volume["bind"]);
  const modes = [
    ...(volume["read_only"] === true ? ["ro"] : []),
    ...asTexts(bind["selinux"]),
    ...asTexts(bind["propagation"]),
    ...(asMap(volume["volume"])["nocopy"] === true ? ["nocopy"] : []),
  ];
  const mode = modes.length > 0 ? `:${modes.join(",")}` : "";
  return `${source === undefined ? "" : `${source}:`}${asText(volume["target"]) ?? ""}${mode}`;
}

export function longTmpfs({ target, tmpfs }: Map): string {
  const settings = Object.entries(asMap(tmpfs)).map(([name, value]) => `${name}=${asText(value)}`);
  return `${asText(target) ?? ""}${settings.length > 0 ? `:${settings.join(",")}` : ""}`;
}

export function ulimits(limits: Map): string[] {
  return Object.entries(limits).map(([name, value]) => {
    const plain = asText(value);
    const pair = asMap(value);
    return `${name}=${plain ?? `${asText(pair["soft"])}:${asText(pair["hard"])}`}`;
  });
}

const BLOCK_DEVICES = {
  weight_device: "blkio-weight-device",
  device_read_bps: "device-read-bps",
  device_write_bps: "device-write-bps",
  device_read_iops: "device-read-iops",
  device_write_iops: "device-write-iops",
};

/** Options for what `blkio_config` says, of single devices `path:weight` or `path:rate` each. */
export function blockDevices(config: Map): [option: string, value: string | string[] | undefined][] {
  const lists = Object.entries(BLOCK_DEVICES).map(([key, option]): [string, string[]] => [
    option,
    asList(config[key]).map((one) => {
      const { path, weight, rate } = asMap(one);
      return `${asText(path)}:${asText(weight ?? rate)}`;
    }),
  ]);
  return [["blkio-weight", asText(config["weight"])], ...lists];
}

/** `name:address` each. */
export function hosts(value: Yaml): string[] {
  return asPairs(value).map((line) => (line.includes(":") ? line : line.replace("=", ":")));
}

/** Options `healthcheck-*`; the test is one shell command, or words after CMD, which need no shell. */
export function healthcheck(check: Map): [string, string | undefined][] {
  const test = asList(check["test"]);
  const kind = asText(test[0]);
  const words = asTexts(test).slice(1);
  const line = kind === "CMD-SHELL" ? words[0] : asText(check["test"]);
  // A carriage return would end a line here.
  const shell = line?.includes("\r") ? JSON.stringify(["/bin/sh", "-c", line]) : line;
  const command = kind === "CMD" ? JSON.stringify(words) : shell;
  const disabled = check["disable"] === true || kind === "NONE";
  return [
    ["healthcheck-command", disabled ? "NONE" : command],
    ["healthcheck-interval", asText(check["interval"])],
    ["healthcheck-timeout", asText(check["timeout"])],
    ["healthcheck-retries", asText(check["retries"])],
    ["healthcheck-start-period", asText(check["start_period"])],
    ["healthcheck-start-interval", asText(check["start_interval"])],
  ];
}
