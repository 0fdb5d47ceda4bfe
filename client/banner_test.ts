import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { banner, createCommand } from "./banner.ts";

const URLS = ["http://server:17003/?token=my-app", "http://server:17003/?token=alice"];
const LOCAL = "127.0.0.1:3000";
/** What a QR code is drawn with, two modules a character. */
const BLOCKS = /^ *[█▀▄ ]+$/;

/** The lines that draw a QR code. */
function code(text: string): string[] {
  return text.split("\n").filter((line) => BLOCKS.test(line) && /[█▀▄]/.test(line));
}

Deno.test("banner() in a pipe is one URL a line and nothing else", async () => {
  const text = await banner({ urls: URLS, local: LOCAL }, {
    terminal: false,
    colour: false,
    columns: 0,
  });
  strictEqual(text, URLS.join("\n") + "\n");
});

Deno.test("banner() on a terminal shows where each URL leads", async () => {
  const text = await banner({ urls: URLS, local: LOCAL }, {
    terminal: true,
    colour: false,
    columns: 100,
  });
  for (const url of URLS) ok(text.includes(`  ${url}  → ${LOCAL}\n`), text);
  ok(!text.includes("\x1b"));
});

Deno.test("banner() uses colours where they are wanted, and ends each", async () => {
  const text = await banner({ urls: URLS, local: LOCAL }, {
    terminal: true,
    colour: true,
    columns: 100,
  });
  // deno-lint-ignore no-control-regex
  const marks = text.match(/\x1b\[[0-9;]*m/g)!;
  ok(marks.length > 0 && marks.length % 2 === 0);
  ok(marks.every((mark, i) => (mark === "\x1b[0m") === (i % 2 === 1)));
});

Deno.test("banner() draws a QR code that is square, and grows with the URL", async () => {
  const draw = async (url: string) =>
    code(
      await banner({ urls: [url], local: LOCAL }, { terminal: true, colour: false, columns: 200 }),
    );
  const small = await draw("http://a/");
  const large = await draw("http://a/" + "x".repeat(200));
  for (const lines of [small, large]) {
    const widths = new Set(lines.map(({ length }) => length));
    strictEqual(widths.size, 1);
    const modules = [...widths][0]! - 2; // two columns stand in front
    // Two rows a line; a code has 4n + 17 modules, with a border of one on each side.
    ok(Math.abs(lines.length * 2 - modules) <= 1, `${modules} wide, ${lines.length} lines`);
    strictEqual((modules - 2 - 17) % 4, 0);
  }
  ok(large.length > small.length);
});

Deno.test("banner() draws another code for another URL", async () => {
  const screen = { terminal: true, colour: false, columns: 200 };
  const [one, other] = await Promise.all(
    URLS.map((url) => banner({ urls: [url], local: LOCAL }, screen)),
  );
  ok(code(one!).join() !== code(other!).join());
});

Deno.test("banner() leaves the code out where it does not fit", async () => {
  const at = async (columns: number) =>
    await banner({ urls: URLS, local: LOCAL }, { terminal: true, colour: false, columns });
  const width = code(await at(200))[0]!.length;
  strictEqual(code(await at(width)).length, code(await at(200)).length);
  const narrow = await at(width - 1);
  deepStrictEqual(code(narrow), []);
  for (const url of URLS) ok(narrow.includes(url));
});

Deno.test("banner() shows how to make a token where one is needed, and nothing that opens nothing", async () => {
  const create = "arpc token create --client-id my-app";
  const notice = { urls: ["https://server/"], local: LOCAL, create };
  const text = await banner(notice, { terminal: true, colour: false, columns: 200 });
  ok(text.includes(`\n  ${create}\n`) && text.includes(`${LOCAL} need a token`), text);
  ok(!text.includes("https://server/") && !/Anyone/.test(text) && code(text).length === 0, text);
  const piped = await banner(notice, { terminal: false, colour: false, columns: 0 });
  strictEqual(piped, create + "\n");
});

Deno.test("createCommand() is what a shell takes as it stands", () => {
  const plain = { clientId: "my-app", keyFile: undefined, url: undefined };
  strictEqual(createCommand(plain), "arpc token create --client-id my-app");
  strictEqual(
    createCommand({ clientId: "~me", keyFile: "/a b/it's.json", url: "https://a:1/" }),
    "arpc token create --client-id '~me' --visitor-key-file '/a b/it'\\''s.json' --url https://a:1/",
  );
  strictEqual(
    createCommand({ ...plain, clientId: "-x" }),
    "arpc token create --client-id=-x",
  );
});
