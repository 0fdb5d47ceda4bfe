import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { dirname, join } from "@std/path";
import { peerTest } from "../tests/peers.ts";
import { checkImports, judgeEdge } from "./check_imports.ts";

const permissions: Deno.PermissionDescriptor[] = [
  { name: "read" },
  { name: "run", command: Deno.execPath() },
];

function judge(from: string, to: string, pure: string[] = []): string | undefined {
  return judgeEdge({ from, to, specifier: to, line: 1 }, pure);
}

Deno.test("judgeEdge() lets every package import itself, common and the outside", () => {
  strictEqual(judge("server/a.ts", "server/b.ts"), undefined);
  strictEqual(judge("server/a.ts", "common/mod.ts"), undefined);
  strictEqual(judge("client/a_test.ts", "npm:zod@4"), undefined);
  strictEqual(judge("common/a.ts", "node:crypto"), undefined);
});

Deno.test("judgeEdge() keeps server and client apart and common alone", () => {
  match(judge("server/a.ts", "client/b.ts") ?? "", /server\/ imports only common\//);
  match(judge("client/a_test.ts", "server/b.ts") ?? "", /client\/ imports only common\//);
  match(judge("common/a.ts", "server/b.ts") ?? "", /common\/ imports nothing of the project/);
  match(judge("server/a.ts", "tests/helpers.ts") ?? "", /nothing imports tests\//);
});

Deno.test("judgeEdge() lets a pure file import only what may be pure", () => {
  const pure = ["server/sniff/http.ts", "server/http/route.ts", "common/http/head.ts"];
  strictEqual(judge("server/sniff/http.ts", "server/http/route.ts", pure), undefined);
  strictEqual(judge("common/http/head.ts", "common/latin1.ts", pure), undefined);
  match(judge("server/sniff/http.ts", "node:net", pure) ?? "", /sniffers import only/);
  match(judge("server/http/route.ts", "server/pool.ts", pure) ?? "", /sniffers use this file/);
  match(judge("common/http/head.ts", "node:net", pure) ?? "", /sniffers use this file/);
});

peerTest({
  name: "checkImports() finds each kind of broken arrow",
  permissions: [...permissions, { name: "write" }],
}, async () => {
  const violations = await checkProject({
    "common/mod.ts": `export const x = 1;`,
    "common/up.ts": `export type { Y } from "../server/http/head.ts";`,
    "server/main.ts": `import "@agentx/arpc";\nawait import("../tests/helpers.ts");`,
    "server/http/head.ts": `export interface Y { z: string }\nexport const now = () => Deno.pid;`,
    "server/http/serve.ts": `export const s = () => Deno.serve(() => new Response());`,
    "common/http/mod.ts": `export const pid = Deno.pid;`,
    "server/sniff/mod.ts": `// Deno.connect in a comment is none\n
      import { now } from "../http/head.ts"; import "node:net"; import "@agentx/common/http";
      export const a = { Deno: "https://x", fetch: now }; export const b = globalThis.Deno;
      export const c = fetch("https://x");`,
    "server/sniff/mod_test.ts": `import "node:assert"; Deno.test("x", () => {});`,
    "client/main.ts": `import { x } from "@agentx/common"; export const y = x;`,
    "client/command/app.ts": `import "node:net"; export const f = () => Deno.env.get("X");
      Deno.listen({ port: 0 });`,
    "tests/helpers.ts": `import "@agentx/arps"; import "@agentx/arpc";`,
  });
  deepStrictEqual(violations.map(({ where, what }) => `${where} ${what.replace(/:? .*/, "")}`), [
    "client/command/app.ts:1 imports",
    "client/command/app.ts:2 uses",
    "common/http/mod.ts:1 uses",
    "common/up.ts:1 imports",
    "server/http/head.ts:2 uses",
    "server/main.ts:1 imports",
    "server/main.ts:2 imports",
    "server/sniff/mod.ts:3 imports",
    "server/sniff/mod.ts:4 uses",
    "server/sniff/mod.ts:5 uses",
  ]);
});

peerTest({ name: "checkImports() holds for this project", permissions }, async () => {
  const root = await Deno.realPath(dirname(import.meta.dirname ?? "."));
  deepStrictEqual(await checkImports(root), []);
});

/** Checks a project made of these files, in a folder of its own. */
async function checkProject(files: Record<string, string>) {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    const member = (name: string, exports: string | Record<string, string>) =>
      JSON.stringify({ name, exports });
    const all: Record<string, string> = {
      ...files,
      "deno.json": `{ "workspace": ["./common", "./server", "./client"] }`,
      "common/deno.json": member("@agentx/common", {
        ".": "./mod.ts",
        "./http": "./http/mod.ts",
      }),
      "server/deno.json": member("@agentx/arps", "./main.ts"),
      "client/deno.json": member("@agentx/arpc", "./main.ts"),
    };
    for (const [path, text] of Object.entries(all)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    return await checkImports(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
