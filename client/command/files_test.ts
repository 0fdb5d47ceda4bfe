import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { OpenAPIHono } from "@hono/zod-openapi";
import { join } from "@std/path";
import { testWith } from "../../common/testdata/gate.ts";
import { failed, finish } from "./http/answer.ts";
import type { CommandConfig } from "./config.ts";
import { fileRoutes } from "./files.ts";
import type { Session } from "./sessions/session.ts";
import type { Sessions } from "./sessions/sessions.ts";

const posix = Deno.build.os !== "windows";
const SESSION = "0198c0de-0000-7000-8000-000000000000";

/** A root with a project in it, and a folder beside the root; gone when disposed. */
class Bench implements AsyncDisposable {
  readonly root: string;
  readonly project: string;
  readonly outside: string;
  readonly app = new OpenAPIHono();

  private constructor(private readonly folder: string, enableFs: boolean) {
    this.root = join(folder, "root");
    this.project = join(this.root, "project");
    this.outside = join(folder, "root-outside");
    Deno.mkdirSync(this.project, { recursive: true });
    Deno.mkdirSync(this.outside);
    Deno.writeTextFileSync(join(this.outside, "secret"), "secret");
    const config = { projectRoots: [this.root], enableFs } as unknown as CommandConfig;
    const session = { info: { project_path: this.project } } as unknown as Session;
    const find = (id: string) => id === SESSION ? session : undefined;
    this.app.onError(failed);
    this.app.use(finish);
    fileRoutes(this.app, { config, sessions: { find } as Sessions });
  }

  static async create({ enableFs = true } = {}): Promise<Bench> {
    return new Bench(await Deno.realPath(await Deno.makeTempDir()), enableFs);
  }

  /** Writes a file of the project; its full path. */
  write(name: string, content: string | Uint8Array<ArrayBuffer>): string {
    const path = join(this.project, name);
    Deno.writeFileSync(path, typeof content === "string" ? Buffer.from(content) : content);
    return path;
  }

  /** Asks for `route` with a path. */
  async ask(route: string, path?: string, init: RequestInit = {}): Promise<Response> {
    const query = path === undefined ? "" : `?path=${encodeURIComponent(path)}`;
    return await this.app.request(route + query, init);
  }

  /** What a file gets as JSON. */
  async show(path: string) {
    const response = await this.ask("/fs/file", path, { headers: { accept: "application/json" } });
    equal(response.status, 200);
    return await response.json();
  }

  async list(path: string | undefined, route = "/fs", more = "") {
    const query = path === undefined ? "?" : `?path=${encodeURIComponent(path)}`;
    const response = await this.app.request(route + query + more);
    equal(response.status, 200);
    return await response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

function test(name: string, fn: (bench: Bench) => Promise<void>): void {
  testWith([{ name: "read" }, { name: "write" }], name, async () => {
    await using bench = await Bench.create();
    await fn(bench);
  });
}

testWith(
  [{ name: "read" }, { name: "write" }],
  "without --enable-fs nothing is shown",
  async () => {
    await using bench = await Bench.create({ enableFs: false });
    for (
      const route of ["/fs", "/fs/file", `/sessions/${SESSION}/fs`, `/sessions/${SESSION}/fs/file`]
    ) {
      const response = await bench.ask(route, bench.project);
      equal(response.status, 403);
      match((await response.json()).detail, /--enable-fs/);
    }
  },
);

test("a folder is listed, folders first, numbers as numbers", async (bench) => {
  bench.write("b10", "12345");
  bench.write("b9", "");
  bench.write(".hidden", "x");
  Deno.mkdirSync(join(bench.project, "z"));
  const folder = await bench.list(bench.project);
  deepEqual(
    folder.entries.map(({ name, type, size, hidden, link }: Record<string, unknown>) => [
      name,
      type,
      size,
      hidden,
      link,
    ]),
    [
      ["z", "folder", null, false, false],
      [".hidden", "file", 1, true, false],
      ["b9", "file", 0, false, false],
      ["b10", "file", 5, false, false],
    ],
  );
  equal(Date.parse(folder.entries[0].modified_at) > Date.now() - 60_000, true);
  deepEqual([folder.path, folder.parent, folder.roots], [bench.project, bench.root, [bench.root]]);
  deepEqual([folder.total, folder.truncated], [4, false]);
  equal((await bench.list(undefined)).parent, null);
  const page = await bench.list(bench.project, "/fs", "&hidden=false&limit=1&offset=1");
  deepEqual([page.total, page.entries.map(({ name }: { name: string }) => name)], [3, ["b9"]]);
  const ofSession = await bench.list("z", `/sessions/${SESSION}/fs`);
  deepEqual(
    [ofSession.path, ofSession.parent, ofSession.roots],
    [join(bench.project, "z"), bench.project, [bench.project]],
  );
  equal((await bench.list(undefined, `/sessions/${SESSION}/fs`)).total, 4);
});

test("nothing outside of the roots is seen, whichever way it is asked for", async (bench) => {
  bench.write("file", "mine");
  const secret = join(bench.outside, "secret");
  const paths = [
    secret,
    bench.outside,
    `${bench.project}/../../root-outside/secret`,
    `${bench.project}/file/../../../root-outside/secret`,
    "/etc/passwd",
    "/",
    "/dev/null",
    "/proc/self/environ",
    `${bench.project}/missing`,
    `${bench.project}/file/below`,
    `${bench.project}/\0`,
    `${bench.project}/${"x".repeat(300)}`,
    `${bench.project}/..%2f..%2froot-outside%2fsecret`,
  ];
  for (const path of paths) {
    for (const route of ["/fs", "/fs/file"]) {
      const response = await bench.ask(route, path);
      equal(response.status, 404, path);
      equal(response.headers.get("content-type"), "application/problem+json");
      match((await response.json()).detail, /There is nothing at/);
    }
  }
  for (const path of ["..", "../..", "../../root-outside/secret", secret, bench.root]) {
    for (const route of ["fs", "fs/file"]) {
      equal((await bench.ask(`/sessions/${SESSION}/${route}`, path)).status, 404, path);
    }
  }
  equal((await bench.ask(`/sessions/other/fs`)).status, 404);
  for (const path of ["project/file", "C:\\root", "c:/root", "~", "file:///etc/passwd"]) {
    if (!posix && /^c:/i.test(path)) continue;
    equal((await bench.ask("/fs/file", path)).status, 400, path);
  }
});

test("links lead on as long as they stay inside", async (bench) => {
  if (!posix) return;
  bench.write("file", "mine");
  const links: [name: string, to: string][] = [
    ["in", "file"],
    ["up", bench.root],
    ["out", join(bench.outside, "secret")],
    ["folder", bench.outside],
    ["chain", "out"],
    ["nowhere", "missing"],
    ["loop", "loop"],
  ];
  for (const [name, to] of links) Deno.symlinkSync(to, join(bench.project, name));
  const { entries } = await bench.list(bench.project);
  const types = Object.fromEntries(
    entries.map(({ name, type, link }: Record<string, unknown>) => [name, `${type} ${link}`]),
  );
  deepEqual(types, {
    file: "file false",
    in: "file true",
    up: "folder true",
    out: "other true",
    folder: "other true",
    chain: "other true",
    nowhere: "other true",
    loop: "other true",
  });
  equal((await bench.show(join(bench.project, "in"))).content, "mine");
  for (const name of ["out", "chain", "nowhere", "loop", "folder/secret"]) {
    equal((await bench.ask("/fs/file", join(bench.project, name))).status, 404, name);
  }
  // From a session one sees the project alone.
  equal((await bench.ask(`/sessions/${SESSION}/fs`, "up")).status, 404);
});

test("what is no file is refused, and not waited for", async (bench) => {
  const folder = await bench.ask("/fs/file", bench.project);
  equal(folder.status, 422);
  match((await folder.json()).detail, /is a folder/);
  const file = await bench.ask("/fs", bench.write("file", "x"));
  equal(file.status, 422);
});

testWith(
  [{ name: "read" }, { name: "write" }, { name: "run", command: "mkfifo" }],
  "a pipe is refused, and not waited for",
  async () => {
    if (!posix) return;
    await using bench = await Bench.create();
    const path = join(bench.project, "pipe");
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const response = await bench.ask("/fs/file", path);
    equal(response.status, 422);
    match((await response.json()).detail, /no regular file/);
    equal((await bench.list(bench.project)).entries[0].type, "other");
  },
);

test("JSON shows text as text, anything else as base64, and 1 MiB at most", async (bench) => {
  const source = await bench.show(bench.write("a.ts", "const a = 'ä';\n"));
  deepEqual([source.encoding, source.content, source.size, source.truncated], [
    "utf-8",
    "const a = 'ä';\n",
    16,
    false,
  ]);
  equal(source.media_type, "text/plain; charset=utf-8");
  const bytes = await bench.show(bench.write("b", new Uint8Array([0, 255, 1])));
  deepEqual([bytes.encoding, bytes.content, bytes.media_type], [
    "base64",
    "AP8B",
    "application/octet-stream",
  ]);
  // The cut goes through a letter of three bytes.
  const long = await bench.show(bench.write("c.md", "€".repeat(400_000)));
  deepEqual([long.encoding, long.truncated, long.size], ["utf-8", true, 1_200_000]);
  equal(long.content, "€".repeat(Math.floor(1024 * 1024 / 3)));
  deepEqual((await bench.show(bench.write("empty", ""))).content, "");
  equal((await bench.show(bench.write("bom", "\ufeffx"))).content, "\ufeffx");
});

test("raw, a file comes as it is, and runs nothing", async (bench) => {
  const html = bench.write("ä 'x'.html", "<script>alert(1)</script>");
  const response = await bench.ask("/fs/file", html);
  equal(response.status, 200);
  equal(await response.text(), "<script>alert(1)</script>");
  const { headers } = response;
  equal(headers.get("content-type"), "text/html; charset=utf-8");
  equal(headers.get("content-length"), "25");
  match(headers.get("content-security-policy")!, /^sandbox; default-src 'none';/);
  equal(headers.get("x-content-type-options"), "nosniff");
  equal(
    headers.get("content-disposition"),
    `inline; filename="_ 'x'.html"; filename*=UTF-8''%C3%A4%20%27x%27.html`,
  );
  const saved = await bench.app.request(
    `/fs/file?download=true&path=${encodeURIComponent(bench.write("a.svg", "<svg/>"))}`,
  );
  equal(saved.headers.get("content-type"), "image/svg+xml; charset=utf-8");
  match(saved.headers.get("content-disposition")!, /^attachment; filename="a.svg"/);
  await saved.body?.cancel();
  const head = await bench.ask("/fs/file", html, { method: "HEAD" });
  deepEqual([head.status, head.headers.get("content-length"), head.body], [200, "25", null]);
});

test("a part of a file", async (bench) => {
  const path = bench.write("digits.txt", "0123456789");
  const ask = async (range: string, more: Record<string, string> = {}) => {
    const response = await bench.ask("/fs/file", path, { headers: { range, ...more } });
    const type = response.headers.get("content-range");
    return [response.status, type, response.status < 400 ? await response.text() : ""];
  };
  const parts: [range: string, status: number, told: string | null, text: string][] = [
    ["bytes=0-0", 206, "bytes 0-0/10", "0"],
    ["bytes=2-4", 206, "bytes 2-4/10", "234"],
    ["bytes=7-", 206, "bytes 7-9/10", "789"],
    ["bytes=-3", 206, "bytes 7-9/10", "789"],
    ["bytes=-99", 206, "bytes 0-9/10", "0123456789"],
    ["bytes=5-99", 206, "bytes 5-9/10", "56789"],
    ["bytes=10-", 416, "bytes */10", ""],
    ["bytes=-0", 416, "bytes */10", ""],
    ["bytes=4-2", 200, null, "0123456789"],
    ["bytes=0-1,3-4", 200, null, "0123456789"],
    ["bytes=-", 200, null, "0123456789"],
    ["lines=1-2", 200, null, "0123456789"],
  ];
  for (const [range, ...expected] of parts) deepEqual(await ask(range), expected, range);
  const { headers } = await bench.ask("/fs/file", path, { method: "HEAD" });
  const since = headers.get("last-modified")!;
  deepEqual((await ask("bytes=0-0", { "if-range": since }))[0], 206);
  deepEqual((await ask("bytes=0-0", { "if-range": headers.get("etag")! }))[0], 200);
  deepEqual((await ask("bytes=0-0", { "if-range": new Date(0).toUTCString() }))[0], 200);
  const empty = await bench.ask("/fs/file", bench.write("empty", ""), {
    headers: { range: "bytes=0-" },
  });
  equal(empty.status, 416);
  equal(empty.headers.get("content-type"), "application/problem+json");
});

test("a file that is known is not sent again, until it was written", async (bench) => {
  const path = bench.write("a", "one");
  const ask = async (tag: string) => {
    const headers = { "if-none-match": tag };
    const response = await bench.ask("/fs/file", path, { headers });
    await response.body?.cancel();
    return response;
  };
  const tag = (await ask('"other"')).headers.get("etag")!;
  match(tag, /^W\/"/);
  for (const known of [tag, tag.slice(2), `"x", ${tag}`, "*"]) {
    const response = await ask(known);
    deepEqual([response.status, response.body], [304, null], known);
    equal(response.headers.get("etag"), tag);
  }
  bench.write("a", "three");
  equal((await ask(tag)).status, 200);
});

test("a large file comes whole, and one that nobody reads on is closed", async (bench) => {
  const bytes = new Uint8Array(5_000_001).map((_, nth) => nth * 7);
  const path = bench.write("large", bytes);
  const whole = await bench.ask("/fs/file", path);
  ok(Buffer.from(await whole.arrayBuffer()).equals(Buffer.from(bytes)));
  const part = await bench.ask("/fs/file", path, { headers: { range: "bytes=1000-4000000" } });
  ok(Buffer.from(await part.arrayBuffer()).equals(Buffer.from(bytes.subarray(1000, 4_000_001))));
  const reader = (await bench.ask("/fs/file", path)).body!.getReader();
  await reader.read();
  if (canCount()) equal(timesOpen(path), 1);
  await reader.cancel();
  await (await bench.ask("/fs/file", path)).body!.cancel();
  await bench.show(path);
  await bench.ask("/fs/file", path, { method: "HEAD" });
  equal((await bench.ask("/fs/file", bench.project)).status, 422);
  if (!canCount()) return;
  equal(timesOpen(path), 0);
  equal(timesOpen(bench.project), 0);
});

/** Whether this process may look at its descriptors: on Linux, with all permissions. */
function canCount(): boolean {
  try {
    return Deno.readDirSync("/proc/self/fd") !== undefined;
  } catch {
    return false;
  }
}

/** How many descriptors of this process lead to a file; the test runner does not count them. */
function timesOpen(path: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false; // the one of this listing
    }
  }).length;
}

test("a file that is replaced by a link meanwhile is not followed", async (bench) => {
  if (!posix) return;
  const path = join(bench.project, "turning");
  const secret = join(bench.outside, "secret");
  let turning = true;
  const turn = (async () => {
    while (turning) {
      await Deno.remove(path).catch(() => {});
      await Deno.writeTextFile(path, "mine");
      await Deno.remove(path);
      await Deno.symlink(secret, path);
    }
  })();
  try {
    const seen = new Set<string>();
    for (let nth = 0; nth < 300; nth++) {
      const response = await bench.ask("/fs/file", path);
      seen.add(response.status === 200 ? await response.text() : String(response.status));
    }
    ok(!seen.has("secret"), [...seen].join());
  } finally {
    turning = false;
    await turn;
  }
});
