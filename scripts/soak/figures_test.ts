import { deepStrictEqual, doesNotMatch, match } from "node:assert/strict";
import { peerTest } from "../../tests/peers.ts";

const permissions = [{ name: "read" }, { name: "run" }, { name: "env" }] as const;

peerTest(
  { name: "figures.ts --help says what it measures, and a typo gets no trace", permissions },
  async () => {
    const run = async (flag: string) => {
      const path = new URL("figures.ts", import.meta.url).href;
      const args = ["run", "--quiet", "--no-prompt", "--allow-env", path, flag];
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      const decoder = new TextDecoder();
      return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
    };
    const help = await run("--help");
    deepStrictEqual([help.code, help.err], [0, ""]);
    match(help.out, /^Usage: .*figures\.ts(?:.*\n)+ {2}--quick .*\n {2}--json FILE/);
    const typo = await run("--qick");
    deepStrictEqual([typo.code, typo.out], [2, ""]);
    match(typo.err, /^figures\.ts: Unknown option '--qick'.*\n\nUsage: /);
    doesNotMatch(typo.err, /\n {4}at /);
  },
);
