/**
 * A real `sshd` for a test, with keys of its own; and the command lines of `ssh` and `scp` that
 * reach it, by whatever way, without any of the user's own settings.
 *
 * @module
 */

import { userInfo } from "node:os";
import { accepts, Daemon, isRoot, Scratch } from "./daemons.ts";
import { peer } from "./peers.ts";
import { freePort } from "./ports.ts";

const HINT = "apt-get install openssh-server openssh-client";

/** Programs that the tests with an sshd run. */
export const [sshd, ssh, scp, sshKeygen] = [
  peer("sshd", HINT),
  peer("ssh", HINT),
  peer("scp", HINT),
  peer("ssh-keygen", HINT),
];

/** Needed by everything in this file; for `peerTest`. */
export const SSH_PEERS = [sshd, ssh, scp, sshKeygen];

/** How known_hosts calls it, so that its key is checked whichever port leads to it. */
const HOST_ALIAS = "arp-test";
/** Where Debian's sshd wants an empty folder when it is run by root. */
const PRIVILEGE_SEPARATION = "/run/sshd";

/** A running sshd that lets the user who runs the tests in; disposing kills it. */
export class Sshd implements AsyncDisposable {
  private constructor(
    /** On 127.0.0.1. */
    readonly port: number,
    /** Who may log in. */
    readonly user: string,
    readonly folder: Scratch,
    private readonly daemon: Daemon,
  ) {}

  /** Starts one on a port of the system's choice. */
  static async start(): Promise<Sshd> {
    const folder = new Scratch();
    try {
      for (const name of ["host_key", "user_key"]) {
        await folder.run(sshKeygen.path, ["-q", "-t", "ed25519", "-N", "", "-f", name]);
      }
      const read = (name: string) => Deno.readTextFileSync(`${folder.path}/${name}`);
      folder.write("known_hosts", `${HOST_ALIAS} ${read("host_key.pub")}`);
      folder.write("authorized_keys", read("user_key.pub"));
      const port = freePort();
      const config = folder.write("sshd_config", settings(port, folder.path).join("\n") + "\n");
      if (isRoot()) Deno.mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
      const daemon = await Daemon.start(
        sshd.path,
        ["-D", "-e", "-f", config],
        folder,
        () => accepts(port),
        // Nobody has no shell to log in to; only root can let root in.
        { as: (path, args) => [path, [...args]] },
      );
      return new Sshd(port, userInfo().username, folder, daemon);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What it logged. */
  get words(): string {
    return this.daemon.words;
  }

  /** Options for `ssh` and `scp` alike: they use this key, trust this host, and never ask. */
  get options(): string[] {
    const settings = [
      `IdentityFile=${this.folder.path}/user_key`,
      `UserKnownHostsFile=${this.folder.path}/known_hosts`,
      `HostKeyAlias=${HOST_ALIAS}`,
      "IdentitiesOnly=yes",
      "StrictHostKeyChecking=yes",
      "BatchMode=yes",
      "LogLevel=ERROR",
    ];
    return ["-F", "none", ...settings.flatMap((one) => ["-o", one])];
  }

  /**
   * Arguments of `ssh` that run a command there.
   *
   * @param via a port of 127.0.0.1 that leads to it, or further options, such as a `ProxyCommand`.
   */
  command(via: number | readonly string[], ...command: string[]): string[] {
    const way = typeof via === "number" ? ["-p", String(via)] : via;
    return [...this.options, ...way, `${this.user}@127.0.0.1`, ...command];
  }

  /** Runs `ssh` to its end; see {@link Sshd.command}. */
  async run(
    via: number | readonly string[],
    command: string,
    input?: Uint8Array,
  ): Promise<{ code: number; stdout: Uint8Array<ArrayBuffer>; stderr: string }> {
    const child = new Deno.Command(ssh.path, {
      args: this.command(via, command),
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const feeding = input === undefined
      ? undefined
      : new Blob([input as BlobPart]).stream().pipeTo(child.stdin).catch(() => {});
    const { code, stdout, stderr } = await child.output();
    await feeding;
    return { code, stdout, stderr: new TextDecoder().decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Starts an sshd; `await using sshd = await startSshd()`. */
export function startSshd(): Promise<Sshd> {
  return Sshd.start();
}

function settings(port: number, folder: string): string[] {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${folder}/host_key`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    "PidFile none",
    "UsePAM no",
    "StrictModes no",
    "PermitRootLogin yes",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PrintMotd no",
    "Subsystem sftp internal-sftp",
    // A crowd of visitors comes from one address.
    "MaxStartups 1000",
  ];
}
