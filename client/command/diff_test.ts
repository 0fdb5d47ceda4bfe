import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "@std/path";
import { testWith } from "../../common/testdata/gate.ts";
import { Baseline } from "./diff.ts";
import { git, GitError } from "./diff/git.ts";
import { openRepository } from "./diff/snapshot.ts";

const posix = Deno.build.os !== "windows";

/** A repository, and a state folder; gone when disposed. */
class Bench implements AsyncDisposable {
  readonly state: string;
  readonly folder: string;
  readonly baseline: Baseline;

  constructor(private readonly scratch: string) {
    this.state = join(scratch, "state");
    this.folder = join(scratch, "project");
    Deno.mkdirSync(this.state);
    Deno.mkdirSync(this.folder);
    this.baseline = new Baseline(this.state, crypto.randomUUID());
  }

  /** Runs git as a person would, but with no configuration of one. */
  async git(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("git", {
      args,
      cwd: this.folder,
      env: {
        HOME: this.scratch,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "a",
        GIT_AUTHOR_EMAIL: "a@example.org",
        GIT_COMMITTER_NAME: "a",
        GIT_COMMITTER_EMAIL: "a@example.org",
      },
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`git ${args.join(" ")}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  }

  async init(): Promise<void> {
    await this.git("init", "--quiet", "--initial-branch=main");
  }

  async commit(): Promise<void> {
    await this.git("add", "-A");
    await this.git("commit", "--quiet", "-m", "x");
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): void {
    Deno.mkdirSync(join(this.path(name), ".."), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(this.path(name), content);
    else Deno.writeFileSync(this.path(name), content);
  }

  take(): Promise<void> {
    return this.baseline.take(this.folder);
  }

  /** What has changed, as `status path +additions -deletions`. */
  async changed(path?: string): Promise<string[]> {
    const { available, reason, files } = await this.baseline.diff(this.folder, path);
    ok(available, reason ?? "");
    return files.map(({ status, path, from, binary, additions, deletions }) =>
      `${status} ${from === null ? "" : `${from} -> `}${path} ` +
      (binary ? "binary" : `+${additions} -${deletions}`)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.scratch, { recursive: true });
  }
}

function test(name: string, fn: (bench: Bench) => Promise<void>): void {
  const run: Deno.RunPermissionDescriptor = { name: "run", command: "git" };
  // git is found by PATH.
  testWith([{ name: "read" }, { name: "write" }, { name: "env" }, run], name, async () => {
    await using bench = new Bench(await Deno.realPath(await Deno.makeTempDir()));
    await fn(bench);
  });
}

test("a session gets what it changed, and not what was changed before", async (bench) => {
  await bench.init();
  bench.write("kept", "same\n");
  bench.write("edited", "1\n2\n3\n");
  bench.write("before", "1\n");
  bench.write("removed", "gone\n");
  bench.write("removed before", "gone\n");
  await bench.commit();
  bench.write("before", "1\n2\n");
  bench.write("untracked before", "x\n");
  bench.write("staged before", "x\n");
  await bench.git("add", "staged before");
  Deno.removeSync(bench.path("removed before"));
  await bench.take();
  deepEqual(await bench.changed(), []);
  bench.write("edited", "1\n2\nthree\nfour\n");
  bench.write("new/file ä", "one\ntwo\n");
  Deno.removeSync(bench.path("removed"));
  deepEqual(await bench.changed(), [
    "modified edited +2 -1",
    "added new/file ä +2 -0",
    "deleted removed +0 -1",
  ]);
  const { patch, additions, deletions, truncated } = await bench.baseline.diff(bench.folder);
  deepEqual([additions, deletions, truncated], [4, 2, false]);
  match(patch, /^diff --git a\/edited b\/edited\n/);
  match(patch, /\n 2\n-3\n\+three\n\+four\n/);
  match(patch, /\n\+\+\+ b\/new\/file ä/);
  // What was changed before can be changed again, and back.
  bench.write("before", "1\n2\n3\n");
  bench.write("edited", "1\n2\n3\n");
  deepEqual(await bench.changed(), [
    "modified before +1 -0",
    "added new/file ä +2 -0",
    "deleted removed +0 -1",
  ]);
  deepEqual(await bench.changed("new"), ["added new/file ä +2 -0"]);
  deepEqual(await bench.changed("*"), []);
});

test("the patch brings the old folder to the new state", async (bench) => {
  await bench.init();
  bench.write("a", "1\n2\n3\n");
  bench.write("b", "x\n".repeat(50));
  await bench.commit();
  await bench.take();
  bench.write("a", "1\ntwo\n3");
  bench.write("c", "new\n");
  Deno.renameSync(bench.path("b"), bench.path("d"));
  const { patch, files } = await bench.baseline.diff(bench.folder);
  equal(files.length, 3);
  await bench.git("add", "-A");
  const wanted = await bench.git("write-tree");
  await bench.git("reset", "--quiet", "--hard");
  const file = join(bench.folder, "..", "patch");
  Deno.writeTextFileSync(file, patch);
  await bench.git("apply", "--index", file);
  equal(await bench.git("write-tree"), wanted);
});

test("what was committed, renamed, retyped or is binary is told", async (bench) => {
  await bench.init();
  bench.write("old name", "line\n".repeat(20));
  bench.write("image", new Uint8Array([0, 1, 2, 3]));
  bench.write("file", "x\n");
  await bench.commit();
  await bench.take();
  Deno.renameSync(bench.path("old name"), bench.path("new name"));
  bench.write("image", new Uint8Array([0, 9, 9, 9]));
  if (posix) {
    Deno.removeSync(bench.path("file"));
    Deno.symlinkSync("image", bench.path("file"));
  }
  await bench.commit();
  bench.write("late", "x\n");
  deepEqual(
    await bench.changed(),
    [
      ...(posix ? ["retyped file +1 -1"] : []),
      "modified image binary",
      "added late +1 -0",
      "renamed old name -> new name +0 -0",
    ],
  );
});

test("neither the work tree nor the repository is touched", async (bench) => {
  await bench.init();
  bench.write("a", "1\n");
  await bench.commit();
  bench.write("a", "2\n");
  bench.write("b", "untracked\n");
  const look = async () => {
    const files: string[] = [];
    const walk = async (folder: string) => {
      for await (const { name, isDirectory } of Deno.readDir(folder)) {
        const path = join(folder, name);
        if (isDirectory) await walk(path);
        else files.push(`${path} ${Deno.lstatSync(path).mtime?.getTime()}`);
      }
    };
    await walk(bench.folder);
    return files.sort();
  };
  const before = await look();
  await bench.take();
  bench.write("b", "untracked\n");
  Deno.utimeSync(bench.path("b"), 1, 1);
  const middle = await look();
  deepEqual(await bench.changed(), []);
  deepEqual(await look(), middle);
  equal(middle.length, before.length);
  equal(await bench.git("status", "--porcelain"), " M a\n?? b\n");
});

test("a file that was changed in the moment it was committed is noticed", async (bench) => {
  await bench.init();
  await bench.git("config", "core.trustctime", "false");
  // One moment for the file before, the index, and the file after.
  const write = (content: string) => {
    bench.write("a", content);
    Deno.utimeSync(bench.path("a"), 1_000_000_000, 1_000_000_000);
  };
  write("one\n");
  await bench.commit();
  Deno.utimeSync(bench.path(".git/index"), 1_000_000_000, 1_000_000_000);
  write("two\n");
  await bench.take();
  deepEqual(await bench.changed(), []);
  await bench.git("stash", "--quiet");
  equal(Deno.readTextFileSync(bench.path("a")), "one\n");
  deepEqual(await bench.changed(), ["modified a +1 -1"]);
});

test("a project may be a part of a repository, and sees that part", async (bench) => {
  await bench.init();
  bench.write("part/a", "1\n");
  bench.write("other", "1\n");
  bench.write(".gitignore", "ignored\n*.log\n");
  await bench.commit();
  const folder = bench.path("part");
  await bench.baseline.take(folder);
  bench.write("part/a", "2\n");
  bench.write("part/deep/b", "2\n");
  bench.write("part/x.log", "2\n");
  bench.write("other", "2\n");
  const { files, patch } = await bench.baseline.diff(folder);
  deepEqual(files.map(({ path }) => path), ["a", "deep/b"]);
  match(patch, /^diff --git a\/a b\/a\n/);
  bench.write("ignored/a", "1\n");
  const ignored = new Baseline(bench.state, crypto.randomUUID());
  await ignored.take(bench.path("ignored"));
  equal((await ignored.diff(bench.path("ignored"))).available, false);
  equal(
    (await bench.baseline.diff(bench.path("ignored"))).reason,
    "the repository ignores the folder",
  );
});

test("a fresh repository, a second work tree, a conflict", async (bench) => {
  await bench.init();
  bench.write("a", "1\n");
  await bench.take();
  bench.write("b", "1\n");
  deepEqual(await bench.changed(), ["added b +1 -0"]);
  await bench.commit();
  const second = join(bench.folder, "..", "second");
  await bench.git("worktree", "add", "--quiet", "-b", "second", second);
  const baseline = new Baseline(bench.state, crypto.randomUUID());
  await baseline.take(second);
  Deno.writeTextFileSync(join(second, "a"), "2\n");
  deepEqual((await baseline.diff(second)).files.map(({ path }) => path), ["a"]);
  bench.write("a", "3\n");
  await bench.commit();
  await bench.git("-C", second, "commit", "--quiet", "-am", "x");
  await bench.git("merge", "second").catch(() => {});
  match(await bench.git("status", "--porcelain"), /^UU a/);
  deepEqual(await bench.changed(), ["modified a +5 -1", "added b +1 -0"]);
});

test("who looks out of the folder, and who comes too often, is refused", async (bench) => {
  await bench.init();
  bench.write("a", "1\n");
  await bench.take();
  for (const path of ["..", "a/../../b", "/etc", "a\0", "..\\a"]) {
    await rejects(bench.baseline.diff(bench.folder, path), { status: 400 }, path);
  }
  const many = Array.from({ length: 5 }, (_, nth) => bench.baseline.diff(bench.folder, `${nth}`));
  const same = bench.baseline.diff(bench.folder, "0");
  await rejects(many[4]!, { status: 429 });
  const [first] = await Promise.all(many.slice(0, 4));
  equal(await same, first);
  equal((await bench.baseline.diff(bench.folder, "4")).available, true);
});

test("git that takes too long is a reason, too", async (bench) => {
  await bench.init();
  const options = { cwd: bench.folder, signal: AbortSignal.abort() };
  await rejects(git(["status"], options), GitError);
  await rejects(openRepository(bench.folder, bench.state, AbortSignal.timeout(0)), GitError);
});

test("where no difference can be told, it is said why", async (bench) => {
  bench.write("a", "1\n");
  await bench.take();
  const none = await bench.baseline.diff(bench.folder);
  equal(none.available, false);
  match(none.reason!, /no git work tree/);
  await bench.init();
  // It was none when the session started.
  equal((await bench.baseline.diff(bench.folder)).available, false);
  await bench.take();
  equal((await bench.baseline.diff(bench.folder)).available, true);
  Deno.removeSync(bench.path(".git"), { recursive: true });
  const gone = await bench.baseline.diff(bench.folder);
  equal(gone.available, false);
  match(gone.reason!, /not a git repository/);
  await bench.baseline.remove();
  await bench.baseline.remove();
  deepEqual([...Deno.readDirSync(join(bench.state, "snapshots"))], []);
});

test("no program that a repository names is run", async (bench) => {
  if (!posix) return;
  await bench.init();
  const trace = join(bench.folder, "..", "trace");
  const program = join(bench.folder, "..", "program");
  Deno.writeTextFileSync(program, `#!/bin/sh\necho "$0 $*" >> '${trace}'\ncat\n`, { mode: 0o755 });
  bench.write("a.txt", "1\n");
  bench.write("b.bin", new Uint8Array([0, 1]));
  await bench.commit();
  bench.write(".gitattributes", "*.txt filter=evil diff=evil\n*.bin filter=proc\n");
  const settings: [string, string][] = [
    ["filter.evil.clean", program],
    ["filter.evil.smudge", program],
    ["filter.evil.required", "true"],
    ["filter.proc.process", program],
    ["filter.proc.required", "true"],
    ["diff.evil.command", program],
    ["diff.evil.textconv", program],
    ["diff.external", program],
    ["core.fsmonitor", program],
    ["core.pager", program],
    ["pager.diff-tree", program],
    ["core.editor", program],
    ["core.hooksPath", join(bench.folder, "hooks")],
    ["core.sshCommand", program],
    ["core.gitProxy", program],
    ["credential.helper", program],
    ["core.alternateRefsCommand", program],
    ["alias.ls-files", `!${program}`],
  ];
  for (const [key, value] of settings) await bench.git("config", key, value);
  for (const hook of ["post-index-change", "pre-commit", "post-checkout", "fsmonitor-watchman"]) {
    bench.write(`hooks/${hook}`, `#!/bin/sh\necho hook >> '${trace}'\n`);
    Deno.chmodSync(bench.path(`hooks/${hook}`), 0o755);
  }
  Deno.writeTextFileSync(trace, "");
  await bench.take();
  bench.write("a.txt", "2\n");
  bench.write("b.bin", new Uint8Array([0, 2]));
  bench.write("c.txt", "3\n");
  deepEqual(await bench.changed(), [
    "modified a.txt +1 -1",
    "modified b.bin binary",
    "added c.txt +1 -0",
  ]);
  match((await bench.baseline.diff(bench.folder)).patch, /\n-1\n\+2\n/);
  equal(Deno.readTextFileSync(trace), "");
  // The same by a plain git: else this would prove nothing.
  await bench.git("add", "-A").catch(() => {});
  match(Deno.readTextFileSync(trace), /program/);
});

test("submodules and repositories inside are not entered", async (bench) => {
  await bench.init();
  bench.write("a", "1\n");
  await bench.commit();
  for (const name of ["inner", "empty"]) {
    await bench.git("init", "--quiet", name);
  }
  bench.write("inner/x", "1\n");
  await bench.git("-C", "inner", "add", "-A");
  await bench.git("-C", "inner", "commit", "--quiet", "-m", "x");
  await bench.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "./inner");
  await bench.git("commit", "--quiet", "-m", "x");
  await bench.take();
  bench.write("inner/x", "2\n");
  deepEqual(await bench.changed(), []);
  await bench.git("-C", "inner", "commit", "--quiet", "-am", "x");
  deepEqual(await bench.changed(), ["modified inner +1 -1"]);
  deepEqual((await bench.baseline.diff(bench.folder)).left_out, ["empty/"]);
});

test("a folder that became a link, and a link that became a folder", async (bench) => {
  if (!posix) return;
  await bench.init();
  bench.write("folder/a", "1\n");
  bench.write("other/a", "1\n");
  Deno.symlinkSync("other", bench.path("link"));
  await bench.commit();
  await bench.take();
  Deno.removeSync(bench.path("folder"), { recursive: true });
  Deno.symlinkSync("other", bench.path("folder"));
  Deno.removeSync(bench.path("link"));
  bench.write("link/a", "1\n2\n");
  deepEqual((await bench.changed()).sort(), [
    "renamed folder/a -> link/a +1 -0",
    "renamed link -> folder +0 -0",
  ]);
});

test("large files are left out, and long patches cut off", async (bench) => {
  await bench.init();
  bench.write("tracked", "1\n");
  await bench.commit();
  await bench.take();
  bench.write("huge", new Uint8Array(17 * 1024 * 1024));
  bench.write("long", "line after line\n".repeat(200_000));
  const { files, left_out, patch, truncated } = await bench.baseline.diff(bench.folder);
  deepEqual(files.map(({ path, additions }) => [path, additions]), [["long", 200_000]]);
  deepEqual(left_out, ["huge"]);
  equal(truncated, true);
  equal(patch.length, 1024 * 1024);
});
