/**
 * Visitor tokens for tests: a home folder with a key in it, and the real `arpc token`.
 *
 * @module
 */

import { SignJWT } from "jose";
import { audienceOf, keyIdOf } from "@agentx/common/visitor-token";
import { type LogLine, PATIENCE_MS, Program, within } from "./helpers.ts";

/** How a run of `arpc` ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** A home folder, deleted in the end. */
export class Home implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "arp-test-" });

  /** Where `arpc` keeps what it has to remember. */
  get state(): string {
    return `${this.path}/.arp-client`;
  }

  /** Variables for a program that lives here. */
  get env(): { HOME: string; USERPROFILE: string } {
    return { HOME: this.path, USERPROFILE: this.path };
  }

  /** Runs `arpc token` under what `--print-permissions` says, to its end. */
  async run(...args: string[]): Promise<Ended> {
    const key = args[args.indexOf("--visitor-key-file") + 1];
    const keyFiles = args.includes("--visitor-key-file") ? [key, `${key}.new`] : [];
    const files = [this.state, ...keyFiles].join(",");
    const write = args[0] === "list" ? [] : [`--allow-write=${files}`];
    const permissions = ["--allow-env", `--allow-read=${files}`, ...write];
    await using program = new Program("../client/main.ts", [], [], this.env, {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        ...permissions,
        new URL("../client/main.ts", import.meta.url).href,
        "token",
        ...args,
      ],
      env: { ...this.env, NO_COLOR: "1" },
    });
    const { code } = await within(PATIENCE_MS, "an end", program.status());
    return { code, out: program.stdout, err: program.stderr };
  }

  /** A token for a client by the real program, or with `--url` one in a URL. */
  async token(client: string, ...flags: string[]): Promise<string> {
    const bare = flags.includes("--url") ? [] : ["--bare"];
    const { code, out, err } = await this.run("create", "--client-id", client, ...bare, ...flags);
    if (code !== 0 || !/^\S+\n$/.test(out)) throw new Error(`no token: ${code} ${out}${err}`);
    return out.trim();
  }

  /** The key that the tokens are signed by, once there is one. */
  get key(): { x: string; d: string } {
    return JSON.parse(Deno.readTextFileSync(`${this.state}/visitor-key.json`));
  }

  /** A token of the test's own making, signed by the key of this home. */
  async sign(
    client: string,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): Promise<string> {
    return await sign(this.key, client, claims, header);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Signs whatever it is told to. */
export async function sign(
  { x, d }: { x: string; d: string },
  client: string,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const jwk = { kty: "OKP", crv: "Ed25519", x, d };
  const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
  return await new SignJWT({
    aud: await audienceOf(client),
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + 600,
    ...claims,
  }).setProtectedHeader({ alg: "EdDSA", typ: "arp+jwt", kid: await keyIdOf(x), ...header }).sign(
    key,
  );
}

/** The line about a visitor that ended because its token was taken back. */
export function cutOff(server: Program, token: string): Promise<LogLine> {
  return server.log(({ message, properties }) =>
    message === "Visitor left" && properties.end === "visitor token revoked" &&
    properties.visitor_token === idOf(token).slice(0, 8)
  );
}

/** The id in a token. */
export function idOf(token: string): string {
  return claimsOf(token).jti as string;
}

/** What a token says. */
export function claimsOf(token: string): Record<string, unknown> {
  const [, payload = ""] = token.split(".");
  const bytes = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
  return JSON.parse(new TextDecoder().decode(bytes));
}
