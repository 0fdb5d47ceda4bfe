import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { RotatingFile, type Rotation } from "./rotating_file.ts";
import { fileTest } from "./testdata/gate.ts";

const encoder = new TextEncoder();
const ROTATION = { bytes: 100, files: 2 };

/** A file in a folder of its own; disposing removes both. */
class Site implements AsyncDisposable {
  /** What went wrong, in turn. */
  readonly troubles: string[] = [];
  #file: RotatingFile | undefined;

  private constructor(readonly path: string, private readonly rotation: Rotation) {}

  static async open(rotation: Rotation = ROTATION): Promise<Site> {
    const site = new Site(`${await Deno.makeTempDir()}/log`, rotation);
    await site.reopen();
    return site;
  }

  async reopen(): Promise<void> {
    this.#file?.[Symbol.dispose]();
    this.#file = await RotatingFile.open(this.path, this.rotation, {
      failed: (error) => void this.troubles.push(`failed: ${error}`),
      stuck: (error) => void this.troubles.push(`stuck: ${error}`),
      over: (lost) => void this.troubles.push(`over: ${lost}`),
    });
  }

  async write(...lines: string[]): Promise<void> {
    for (const line of lines) {
      const bytes = encoder.encode(`${line}\n`);
      strictEqual(await this.#file!.write(bytes), bytes.length);
    }
  }

  close(): void {
    this.#file![Symbol.dispose]();
  }

  /** The text of each file there is, the oldest last. */
  async texts(): Promise<(string | undefined)[]> {
    const names = ["", ".1", ".2", ".3"].map((suffix) => this.path + suffix);
    return await Promise.all(names.map((name) => Deno.readTextFile(name).catch(() => undefined)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await Deno.remove(this.path.slice(0, -"/log".length), { recursive: true });
  }
}

/** A line of 40 bytes, its end included. */
const line = (text: string) => text.padEnd(39, ".");

fileTest("a file without room for more becomes the first of the earlier ones", async () => {
  await using site = await Site.open();
  await site.write(line("1"), line("2"));
  await site.reopen(); // another run goes on with it
  const two = `${line("1")}\n${line("2")}\n`;
  deepStrictEqual(await site.texts(), [two, undefined, undefined, undefined]);
  await site.write(line("3"), line("4"), line("5"));
  deepStrictEqual(await site.texts(), [
    `${line("5")}\n`,
    `${line("3")}\n${line("4")}\n`,
    two,
    undefined,
  ]);
  await site.write(line("6"), line("7"), "x".repeat(500), "y");
  deepStrictEqual(await site.texts(), [
    "y\n",
    `${"x".repeat(500)}\n`,
    `${line("7")}\n`,
    undefined,
  ]);
  deepStrictEqual(site.troubles, []);
});

fileTest("what cannot be written is told once, and so is what it came to", async () => {
  await using site = await Site.open();
  await site.write("before");
  site.close();
  await Deno.rename(site.path, `${site.path}.1`);
  await Deno.mkdir(site.path);
  await site.write("lost", "lost as well");
  strictEqual(site.troubles.length, 1);
  match(site.troubles[0]!, /^failed: /);
  await Deno.remove(site.path);
  await site.write("after", "and on");
  deepStrictEqual(site.troubles.slice(1), ["over: 18"]);
  deepStrictEqual((await site.texts()).slice(0, 2), ["after\nand on\n", "before\n"]);
});

fileTest("a line that was cut is no part of the next", async () => {
  await using site = await Site.open();
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = async function (bytes) {
    if (bytes.length < 5) throw new Error("no space left");
    return await write.call(this, bytes.subarray(0, 5));
  };
  try {
    await site.write("123456");
  } finally {
    Deno.FsFile.prototype.write = write;
  }
  await site.write("whole");
  strictEqual((await site.texts())[0], "12345\nwhole\n");
  deepStrictEqual(site.troubles, ["failed: Error: no space left", "over: 7"]);
});

fileTest(
  "a file that cannot be moved grows, and is tried again when it is full once more",
  async () => {
    await using site = await Site.open();
    const { rename } = Deno;
    Deno.rename = () => Promise.reject(new Deno.errors.PermissionDenied("not here"));
    try {
      await site.write(...Array.from({ length: 6 }, (_, nth) => line(`${nth}`)));
      deepStrictEqual(site.troubles, Array(2).fill("stuck: PermissionDenied: not here"));
      strictEqual((await site.texts())[0]!.length, 240);
    } finally {
      Deno.rename = rename;
    }
    await site.write(line("6"));
    deepStrictEqual((await site.texts()).map((text) => text?.length), [
      40,
      240,
      undefined,
      undefined,
    ]);
  },
);

fileTest("what another run left half written is no part of the next line", async () => {
  await using site = await Site.open();
  await Deno.writeTextFile(site.path, '{"half":');
  await site.reopen();
  await site.write("whole");
  strictEqual((await site.texts())[0], '{"half":\nwhole\n');
});

fileTest("a file that cannot be moved does not cost the earlier ones", async () => {
  await using site = await Site.open({ bytes: 100, files: 3 });
  await site.write(...Array.from({ length: 8 }, (_, nth) => line(`${nth}`)));
  const [, ...earlier] = await site.texts();
  const { rename } = Deno;
  Deno.rename = (from, to) =>
    from === site.path
      ? Promise.reject(new Deno.errors.PermissionDenied("somebody has it open"))
      : rename(from, to);
  try {
    await site.write(...Array.from({ length: 9 }, (_, nth) => line(`${nth}`)));
  } finally {
    Deno.rename = rename;
  }
  ok(site.troubles.length > 2, `${site.troubles}`);
  // One place was made for it.
  deepStrictEqual((await site.texts()).slice(1), [undefined, earlier[0], earlier[1]]);
});

fileTest("a file that cannot be opened at all is an error", async () => {
  await using site = await Site.open();
  const path = `${site.path}/below`;
  const ignore = { failed() {}, stuck() {}, over() {} };
  await rejects(RotatingFile.open(path, ROTATION, ignore), (error) => {
    ok(error instanceof Error && error.name !== "AssertionError");
    return true;
  });
});
