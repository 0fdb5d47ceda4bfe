/**
 * What the numbers were taken on: they mean little without it.
 * @module
 */
import { cpus } from "node:os";
import { version } from "../programs.ts";

const PROGRAMS = [
  "rathole",
  "bore",
  "socat",
  "haproxy",
  "nginx",
  "wrk",
  "iperf3",
  "curl",
  "postgres",
];

/** Machine and versions, for the JSON and the line above the table. */
export interface Machine {
  os: string;
  release: string;
  arch: string;
  cpu: string;
  cores: number;
  deno: string;
  programs: Record<string, string>;
}

/** Looks at this machine. */
export async function machine(signal: AbortSignal): Promise<Machine> {
  const programs: Record<string, string> = {};
  for (const name of PROGRAMS) programs[name] = await version(name, signal) ?? "not installed";
  return {
    os: Deno.build.os,
    release: Deno.osRelease(),
    arch: Deno.build.arch,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: navigator.hardwareConcurrency,
    deno: Deno.version.deno,
    programs,
  };
}
