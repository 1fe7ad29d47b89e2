import type { Engine, EngineInfo } from "./engine.js";

interface Info {
  readonly Name?: string;
  readonly OSType?: string;
  readonly Architecture?: string;
  readonly DriverStatus?: readonly (readonly string[])[];
  readonly ServerVersion?: string;
  readonly RegistryConfig?: {
    readonly IndexConfigs?: Readonly<Record<string, { readonly Secure?: boolean }>> | null;
  } | null;
}

const MACHINES: Readonly<Record<string, { arch: string; variant?: string }>> = {
  x86_64: { arch: "amd64" },
  aarch64: { arch: "arm64" },
  armv7l: { arch: "arm", variant: "v7" },
  armv6l: { arch: "arm", variant: "v6" },
  i386: { arch: "386" },
  i686: { arch: "386" },
};

/** Asks the engine what it is (https://docs.docker.com/reference/api/engine/, SystemInfo). */
export async function readEngineInfo(engine: Pick<Engine, "request">): Promise<EngineInfo> {
  const info = await engine.request<Info>({ path: "/info", tells: "OSType" });
  const machine = info.Architecture ?? "";
  const status = info.DriverStatus ?? [];
  return {
    os: info.OSType ?? "linux",
    ...(MACHINES[machine] ?? { arch: machine }),
    containerdStore: status.some(
      ([key, value]) => key === "driver-type" && value?.startsWith("io.containerd.") === true,
    ),
    serverVersion: info.ServerVersion ?? "",
    name: info.Name ?? "",
    insecureRegistries: Object.entries(info.RegistryConfig?.IndexConfigs ?? {}).flatMap(
      ([name, { Secure }]) => (Secure === false ? [name] : []),
    ),
  };
}
