/**
 * Bundles the dashboard of `arps` into `server/admin/dashboard.js`, which is checked in: a server
 * that is installed from a package has nothing to build with.
 *
 * ```sh
 * deno task dashboard           # writes it
 * deno task dashboard --check   # ends with 1 if it is not up to date
 * ```
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const ENTRY = new URL("../server/admin/dashboard/main.tsx", import.meta.url);

/** Where the bundle is. */
export const BUNDLE: URL = new URL("../server/admin/dashboard.js", import.meta.url);

const NOTE = "// Made of dashboard/*.tsx by `deno task dashboard`; do not edit.\n";

/**
 * The bundle as it should be.
 *
 * @throws {Error} with what the bundler said when it failed.
 */
export async function bundle(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform=browser", "--minify", fileURLToPath(ENTRY)],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot bundle the dashboard: ${decoder.decode(stderr)}`);
  const script = decoder.decode(stdout).trim().replaceAll("\r\n", "\n");
  // It stands within <script> in a page.
  if (/<\/script|<!--/i.test(script)) {
    throw new Error("Cannot bundle the dashboard: it ends a script");
  }
  return `${NOTE}${script}\n`;
}

if (import.meta.main) {
  const fresh = await bundle();
  const old = await Deno.readTextFile(BUNDLE).catch(() => "");
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(BUNDLE, fresh);
  else if (fresh !== old) {
    await Deno.stderr.write(
      new TextEncoder().encode(
        "server/admin/dashboard.js is not up to date: deno task dashboard\n",
      ),
    );
    Deno.exit(1);
  }
}
