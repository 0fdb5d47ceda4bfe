import { ok, strictEqual, throws } from "node:assert/strict";
import { join } from "@std/path";
import { fileTest } from "../../../common/testdata/gate.ts";
import { Problem } from "../problem.ts";
import { isBelow, projectFolder } from "./project.ts";

/** A home with two roots and what a request may try. */
async function inHome(run: (home: string, roots: string[]) => void): Promise<void> {
  const home = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const path of ["work/app", "work/a b", "other", "secret", "work-not"]) {
      await Deno.mkdir(join(home, path), { recursive: true });
    }
    await Deno.writeTextFile(join(home, "work", "file"), "");
    await Deno.symlink(join(home, "secret"), join(home, "work", "out"), { type: "dir" });
    await Deno.symlink(join(home, "work", "app"), join(home, "in"), { type: "dir" });
    run(home, [join(home, "work"), join(home, "other")]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

fileTest("projectFolder() finds folders below the roots", () =>
  inHome((home, roots) => {
    const found = (path: string | undefined) => projectFolder(path, roots, home);
    strictEqual(found(undefined), join(home, "work"));
    strictEqual(found(join(home, "work")), join(home, "work"));
    strictEqual(found(join(home, "work", "app", "")), join(home, "work", "app"));
    strictEqual(found("app"), join(home, "work", "app"));
    strictEqual(found("a b/../app"), join(home, "work", "app"));
    strictEqual(found("~/other"), join(home, "other"));
    // By a link from elsewhere one may get into a root.
    strictEqual(found("~/in"), join(home, "work", "app"));
  }));

fileTest(
  "projectFolder() refuses everything else in the same words",
  () =>
    inHome((home, roots) => {
      const words = new Set<string>();
      for (
        const path of [
          "..",
          "~",
          "/",
          join(home, "secret"),
          join(home, "work-not"),
          join(home, "nowhere"),
          "nowhere",
          "file",
          "out",
          "out/..",
          "app/../../secret",
          "app\0",
          "",
        ]
      ) {
        // The folder above a link's target is not above the link: it is the root here.
        if (path === "out/.." || path === "") {
          strictEqual(projectFolder(path, roots, home), join(home, "work"));
          continue;
        }
        throws(() => projectFolder(path, roots, home), (error) => {
          ok(error instanceof Problem && error.status === 422, String(error));
          words.add(error.detail.replace(/found .*/s, ""));
          return true;
        }, path);
      }
      strictEqual(words.size, 1, [...words].join("\n"));
    }),
);

Deno.test("isBelow() is not misled by names that begin alike", () => {
  ok(isBelow("/srv/app", ["/srv"]));
  ok(isBelow("/srv", ["/srv"]));
  ok(isBelow("/srv/..app", ["/srv"]));
  ok(isBelow("/etc", ["/"]));
  ok(!isBelow("/srv-not", ["/srv"]));
  ok(!isBelow("/", ["/srv"]));
  ok(!isBelow("/etc", []));
});
