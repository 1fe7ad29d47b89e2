/** Limits of block devices, as the docker CLI has them (`--blkio-weight-device`, `--device-read-bps` and its kin). */
import { OptionValueError, parseSize } from "tsbuildout/recipe";
import type { RunOptions } from "./run-options.js";
import { list } from "./spec-options.js";

/** https://docs.docker.com/reference/api/engine/, HostConfig, ThrottleDevice. */
export interface DeviceRate {
  readonly Path: string;
  /** Bytes or operations a second. */
  readonly Rate: number;
}

/** `/dev/sda:300`. @throws OptionValueError */
export function parseDeviceWeight(text: string): { readonly Path: string; readonly Weight: number } {
  const help = "write /dev/name:weight, the weight from 10 to 1000";
  const [path, weight] = onDevice(text, help);
  if (!/^\d+$/.test(weight) || Number(weight) < 10 || Number(weight) > 1000)
    throw new OptionValueError(`"${weight}" is not a weight`, [help]);
  return { Path: path, Weight: Number(weight) };
}

/** `/dev/sda:1m`. @throws OptionValueError */
export function parseDeviceBytes(text: string): DeviceRate {
  const help = "write /dev/name:size, as many bytes a second: /dev/sda:10m";
  const [path, size] = onDevice(text, help);
  const Rate = parseSize(size);
  if (Rate > 0) return { Path: path, Rate };
  throw new OptionValueError(`"${size}" is not a rate`, [help]);
}

/** `/dev/sda:100`. @throws OptionValueError */
export function parseDeviceOperations(text: string): DeviceRate {
  const help = "write /dev/name:number, as many operations a second: /dev/sda:100";
  const [path, rate] = onDevice(text, help);
  if (/^\d+$/.test(rate) && Number(rate) > 0) return { Path: path, Rate: Number(rate) };
  throw new OptionValueError(`"${rate}" is not a rate`, [help]);
}

function onDevice(text: string, help: string): readonly [path: string, rest: string] {
  const [, path, rest] = /^(\/dev\/.+):([^:]+)$/.exec(text) ?? [];
  if (path !== undefined && rest !== undefined) return [path, rest];
  throw new OptionValueError(`"${text}" names no device and its limit`, [help]);
}

/** What of a container's HostConfig the options come to; what is undefined is not said. */
export function blkioConfig(options: RunOptions): Readonly<Record<string, unknown>> {
  return {
    BlkioWeight: options["blkio-weight"],
    BlkioWeightDevice: list(options["blkio-weight-device"]),
    BlkioDeviceReadBps: list(options["device-read-bps"]),
    BlkioDeviceWriteBps: list(options["device-write-bps"]),
    BlkioDeviceReadIOps: list(options["device-read-iops"]),
    BlkioDeviceWriteIOps: list(options["device-write-iops"]),
  };
}
