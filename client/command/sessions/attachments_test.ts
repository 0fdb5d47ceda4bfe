import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { basename, dirname, join } from "@std/path";
import fc from "fast-check";
import { fileTest } from "../../../common/testdata/gate.ts";
import { Problem } from "../problem.ts";
import { Attachments, safeName } from "./attachments.ts";

const ID = "0b6f1a9e-6d5e-4f9b-9a9e-3a3b0c0d0e0f";

async function inFolder(run: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const png = (name: string, data = "AQID") => ({ name, media_type: "image/png", data });

fileTest(
  "Attachments.write() writes files for their owner, and remove() removes them",
  () =>
    inFolder(async (folder) => {
      const attachments = new Attachments(folder, ID);
      const [one, two] = attachments.write(3, [png("a.png"), png("../../a.png", "")]);
      deepStrictEqual(one, {
        name: "a.png",
        mediaType: "image/png",
        path: join(folder, "attachments", ID, "3-1-a.png"),
      });
      strictEqual(two!.path, join(folder, "attachments", ID, "3-2-a.png"));
      deepStrictEqual([...Deno.readFileSync(one.path)], [1, 2, 3]);
      strictEqual(Deno.statSync(two!.path).size, 0);
      if (Deno.build.os !== "windows") {
        strictEqual(Deno.statSync(one.path).mode! & 0o777, 0o600);
        strictEqual(Deno.statSync(dirname(one.path)).mode! & 0o777, 0o700);
      }
      await attachments.remove();
      await rejects(Deno.stat(dirname(one.path)), Deno.errors.NotFound);
      await attachments.remove();
    }),
);

fileTest(
  "Attachments.write() replaces what lies there, and writes nothing behind a link",
  () =>
    inFolder((folder) => {
      const attachments = new Attachments(folder, ID);
      const { path } = attachments.write(1, [png("a")])[0]!;
      Deno.removeSync(path);
      Deno.writeTextFileSync(join(folder, "mine"), "mine");
      Deno.symlinkSync(join(folder, "mine"), path);
      attachments.write(1, [png("a")]);
      strictEqual(Deno.readTextFileSync(join(folder, "mine")), "mine");
      strictEqual(Deno.readFileSync(path).length, 3);
    }),
);

fileTest(
  "Attachments.write() refuses what is no base64, and writes nothing then",
  () =>
    inFolder((folder) => {
      const attachments = new Attachments(folder, ID);
      throws(() => attachments.write(1, [png("a"), png("b", "%%%")]), (error) => {
        ok(error instanceof Problem && error.status === 400);
        ok(error.detail.startsWith("attachments[1].data"), error.detail);
        return true;
      });
      throws(() => Deno.statSync(join(folder, "attachments")), Deno.errors.NotFound);
    }),
);

Deno.test("safeName() keeps what is safe in a name", () => {
  strictEqual(safeName("Ünder größe.png"), "Ünder_größe.png");
  strictEqual(safeName("日本語.txt"), "日本語.txt");
  strictEqual(safeName("C:\\Users\\me\\a.txt"), "a.txt");
  strictEqual(safeName("$(rm -rf ~).sh"), "_rm_-rf_.sh");
  strictEqual(safeName("a.txt..."), "a.txt");
  for (const name of ["", "/", "..", "...", "\0"]) strictEqual(safeName(name), "file");
  strictEqual(safeName(`${"x".repeat(200)}.png`).length, 60);
  ok(safeName(`${"x".repeat(200)}.png`).endsWith(".png"));
});

Deno.test("safeName() gives a single, short, harmless name, whatever it is given", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => {
    const safe = safeName(name);
    ok(safe !== "" && safe === basename(safe), safe);
    ok(/^[\p{L}\p{M}\p{N}._-]+$/u.test(safe), safe);
    ok(new TextEncoder().encode(safe).length <= 240, safe);
  }));
});
