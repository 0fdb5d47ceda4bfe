/**
 * The environment of CLIs: a list of names, of which none holds what is ours. It is explicit, since
 * whoever may read only certain variables cannot ask which there are.
 *
 * @module
 */

import { readVariable } from "@agentx/common/cli";
import type { Executor } from "./mod.ts";

const UNIX = [
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "TERM", "COLORTERM"],
  ...["LANG", "LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY"],
  ...["LC_NUMERIC", "LC_TIME"],
  ...["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"],
  ...["XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY"],
  ...["WAYLAND_DISPLAY", "XAUTHORITY", "SSH_AUTH_SOCK", "GNUPGHOME"],
];

const WINDOWS = [
  ...["USERPROFILE", "USERNAME", "USERDOMAIN", "APPDATA", "LOCALAPPDATA", "HOMEDRIVE", "HOMEPATH"],
  ...["SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT", "TEMP", "TMP", "OS"],
  ...["ProgramData", "ProgramFiles", "ProgramFiles(x86)", "ProgramW6432", "CommonProgramFiles"],
  ...["ALLUSERSPROFILE", "PUBLIC", "PSModulePath", "NUMBER_OF_PROCESSORS"],
  ...["PROCESSOR_ARCHITECTURE"],
];

const NETWORK = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"],
  ...["http_proxy", "https_proxy", "all_proxy", "no_proxy"],
  ...["NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "SSL_CERT_FILE", "SSL_CERT_DIR"],
  ...["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"],
];

/** Where the tools are that a CLI builds and tests projects with; paths, no secrets. */
const TOOLCHAINS = [
  ...["ANDROID_HOME", "BUN_INSTALL", "CARGO_HOME", "CONDA_PREFIX", "DENO_DIR", "DENO_INSTALL"],
  ...["DOCKER_HOST", "GOPATH", "GOROOT", "HOMEBREW_PREFIX", "JAVA_HOME", "NVM_DIR", "PNPM_HOME"],
  ...["PYENV_ROOT", "RUSTUP_HOME", "VIRTUAL_ENV", "VOLTA_HOME"],
];

/** The variables that every CLI gets. */
export const COMMON_VARIABLES: readonly string[] = [
  ...UNIX,
  ...WINDOWS,
  ...NETWORK,
  ...TOOLCHAINS,
];

/**
 * Whether no CLI gets this variable, whoever asks for it: our own, what says "you run inside of
 * Claude Code", what the loader of shared libraries obeys (Deno starts no program with that unless it
 * may run all), and what is no name.
 */
export function isWithheld(name: string): boolean {
  return /^(ARP|CLAUDECODE|LD_|DYLD_)/i.test(name) || !/^[^=\0]+$/.test(name);
}

/**
 * All variables that a program may have to read for its CLIs, for `--allow-env`.
 *
 * @param passEnv those of `--pass-env`.
 */
export function passedVariables(
  executors: readonly Pick<Executor, "env">[],
  passEnv: readonly string[],
): string[] {
  const names = [...COMMON_VARIABLES, ...executors.flatMap(({ env }) => env), ...passEnv];
  return [...new Set(names)].filter((name) => !isWithheld(name));
}

/**
 * The environment of a CLI: what of its variables is set, and may be read.
 *
 * @param passEnv those of `--pass-env`.
 * @param own variables that win over all others, such as those of a launch.
 */
export function programEnvironment(
  executor: Pick<Executor, "env">,
  passEnv: readonly string[] = [],
  own: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const found = passedVariables([executor], passEnv)
    .map((name) => [name, readVariable(name)] as const)
    .filter((pair): pair is [string, string] => pair[1] !== undefined);
  const variables: Record<string, string> = { ...Object.fromEntries(found), NO_COLOR: "1", ...own };
  // Without a terminal worth the name, CLIs warn of it on standard error.
  if (/^(dumb)?$/.test(variables.TERM ?? "")) variables.TERM = "xterm-256color";
  return variables;
}
