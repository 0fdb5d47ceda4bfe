import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "@std/path";
import { fileTest, testWith, within } from "../../../common/testdata/gate.ts";
import { HISTORIES } from "./mod.ts";
import { fixture, Home, jsonl } from "./testdata/home.ts";

const windows = Deno.build.os === "windows";
const ALL = { limit: 100, offset: 0 };
const UUID = "11111111-2222-4333-8444-555555555555";

/** Ids of nothing that is there, some of which would lead out of a store. */
const IDS = [
  ...["", ".", "..", "../x", "..\\x", "a/b", "a\\b", "/etc/passwd", "C:\\x", "a\0b", "~", "%2e%2e"],
  ...["../../../../etc/passwd", "x".repeat(5000), " ", "\n", "*", "a:b", "-", `../${UUID}`],
  ...[`${UUID}/../${UUID}`, `${UUID}\0`, `${UUID}\n`, "ses_../x", "ses_%", "__proto__", "memory"],
];

/** Where each CLI that keeps files puts a session: its file, its id, and what it wrote. */
const FILES: Record<string, [file: string, id: string, fixture: string]> = {
  claude: [`.claude/projects/-p/${UUID}.jsonl`, UUID, "claude.jsonl"],
  codex: [
    ".codex/sessions/2026/01/31/rollout-2026-01-31T20-05-30-01a204dd-1fdf-76d2-864c-029d45673362.jsonl",
    ...["01a204dd-1fdf-76d2-864c-029d45673362", "codex.jsonl"] as const,
  ],
  gemini: [
    ".gemini/tmp/p/chats/session-2026-01-31T20-16-1ca78bd6.jsonl",
    ...["1ca78bd6-3c50-4d9e-b239-2f56ff7c73b6", "gemini.jsonl"] as const,
  ],
  qwen: [`.qwen/projects/-p/chats/${UUID}.jsonl`, UUID, "qwen.jsonl"],
  copilot: [`.copilot/session-state/${UUID}/events.jsonl`, UUID, "copilot.jsonl"],
};

for (const cli of Object.keys(HISTORIES)) {
  fileTest(`${cli}: a CLI that was never used has no sessions`, async () => {
    using home = new Home();
    const history = home.history(cli);
    deepStrictEqual(await history.projects(), []);
    deepStrictEqual(await history.sessions(ALL), { items: [], total: 0 });
    strictEqual(await history.session(UUID, 1, 0), undefined);
    strictEqual(await history.delete(UUID), false);
    deepStrictEqual(home.everything(), []);
  });

  fileTest(`${cli}: files where folders are expected, and folders where files are`, async () => {
    using home = new Home();
    const { read } = HISTORIES[cli]!.folders(home.path, () => undefined);
    for (const [at, path] of read.entries()) {
      Deno.mkdirSync(dirname(path), { recursive: true });
      if (at % 2 === 0 && cli !== "opencode") Deno.writeTextFileSync(path, "a file");
      else Deno.mkdirSync(path, { recursive: true });
    }
    const history = home.history(cli);
    deepStrictEqual([await history.projects(), (await history.sessions(ALL)).total], [[], 0]);
  });

  fileTest(`${cli}: ids from outside reach nothing`, async () => {
    using home = new Home();
    const [file, , name] = FILES[cli] ?? [".local/share/opencode/opencode.db", "", ""];
    if (name === "") home.database(file, fixture("opencode.sql"));
    else home.write(file, fixture(name));
    home.write(`outside/${UUID}.jsonl`, jsonl({ type: "user", cwd: "/" }));
    const before = home.everything();
    const history = home.history(cli);
    for (const id of IDS) {
      strictEqual(await history.session(id, 1, 0), undefined, id);
      strictEqual(await history.delete(id), false, id);
      const { items } = await history.sessions({ ...ALL, projectId: id });
      deepStrictEqual(items, [], id);
      await history.sessions({ ...ALL, projectPath: id });
    }
    deepStrictEqual(home.everything(), before);
  });
}

for (const [cli, [file, id, name]] of Object.entries(FILES)) {
  fileTest(`${cli}: garbage in a transcript costs no more than itself`, async () => {
    using home = new Home();
    const bad = [
      ...["garbage", "{", "null", "123", '"text"', "[]", "\u0000\u0000", '{"type":"user"'],
      `{"deep":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    ];
    const odd = [
      ...[{ type: "user" }, { type: "user", message: 5, cwd: 7 }, {
        payload: [],
        data: 1,
        $set: 3,
      }],
      ...[{ type: "event_msg", payload: null }, { message: { parts: 1, content: {} } }, { id: 5 }],
      ...[{ sessionId: [], summary: {} }, { timestamp: {}, isSidechain: "x", subtype: [] }],
    ];
    const good = fixture(name).trimEnd().split("\n");
    const lines = [...good, ...bad, ...odd.map((one) => JSON.stringify(one))];
    const bytes = [
      new TextEncoder().encode(lines.join("\n")),
      new Uint8Array([10, 0xff, 0xfe, 0xc0]),
    ];
    home.write(file, new Uint8Array(bytes.flatMap((part) => [...part])));
    const history = home.history(cli);
    const { items: [item], total } = await history.sessions(ALL);
    deepStrictEqual([item?.id, total], [id, 1]);
    const { messages, broken_lines } = (await history.session(id, 1000, 0))!;
    strictEqual(broken_lines, bad.length + 1);
    ok(messages.length > 0);
    ok(JSON.stringify(messages, null, 1).length > 0);
  });

  fileTest(`${cli}: nothing but garbage, whatever its shape`, async () => {
    using home = new Home();
    const history = home.history(cli);
    for (
      const text of ["", "\n\n", "garbage", "[]", '{"a":1}', "\u0000".repeat(100), "{".repeat(1e5)]
    ) {
      home.write(file, text);
      await history.projects();
      ok((await history.sessions(ALL)).total <= 1);
      const transcript = await history.session(id, 10, 0);
      ok(transcript === undefined || transcript.messages.length <= 1);
    }
  });

  fileTest(`${cli}: links lead nowhere`, async () => {
    if (windows) return;
    using home = new Home();
    const outside = home.write("outside/secret.jsonl", fixture(name));
    const kept = home.write("outside/folder/kept", "");
    const path = home.at(...file.split("/"));
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.symlinkSync(outside, path);
    const history = home.history(cli);
    const empty = async () => {
      strictEqual((await history.sessions(ALL)).total, 0);
      strictEqual(await history.session(id, 1, 0), undefined);
      strictEqual(await history.delete(id), false);
      deepStrictEqual(await history.projects(), []);
    };
    await empty();
    // A folder in the store that is a link: the same session lies behind it.
    const folder = dirname(path);
    Deno.removeSync(folder, { recursive: true });
    Deno.renameSync(outside, join(home.at("outside"), file.slice(file.lastIndexOf("/") + 1)));
    Deno.symlinkSync(home.at("outside"), folder);
    await empty();
    ok(Deno.statSync(kept).isFile);
  });

  fileTest(`${cli}: a store that is itself a link is the user's choice`, async () => {
    if (windows) return;
    using home = new Home();
    home.write(`elsewhere/${file}`, fixture(name));
    const [top = ""] = file.split("/");
    Deno.symlinkSync(home.at("elsewhere", top), home.at(top));
    const history = home.history(cli);
    strictEqual((await history.sessions(ALL)).total, 1);
    ok(await history.delete(id));
    strictEqual((await history.sessions(ALL)).total, 0);
  });

  testWith(
    [{ name: "read" }, { name: "write" }, { name: "run", command: "mkfifo" }],
    `${cli}: pipes and folders in the place of a session are passed by`,
    async () => {
      if (windows) return;
      using home = new Home();
      const path = home.at(...file.split("/"));
      Deno.mkdirSync(dirname(path), { recursive: true });
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const history = home.history(cli);
      const look = async () => {
        strictEqual((await history.sessions(ALL)).total, 0);
        strictEqual(await history.session(id, 1, 0), undefined);
      };
      await within(5000, "passing by a pipe", look());
      Deno.removeSync(path);
      Deno.mkdirSync(path);
      await look();
    },
  );

  fileTest(`${cli}: sessions that come, go and grow while they are listed`, async () => {
    using home = new Home();
    const history = home.history(cli);
    const text = fixture(name);
    let turn = 0;
    const writer = setInterval(() => {
      const path = home.write(file, text.slice(0, Math.floor(text.length * (turn % 5) / 4)));
      if (turn++ % 3 === 0) Deno.removeSync(path);
    }, 0);
    try {
      for (let at = 0; at < 40; at++) {
        ok((await history.sessions(ALL)).total <= 1);
        await history.projects();
        await history.session(id, 5, 0);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    } finally {
      clearInterval(writer);
    }
    ok(turn > 0);
  });
}
