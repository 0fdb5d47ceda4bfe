import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { pick } from "./testdata/executor.ts";
import { sessionTest } from "./testdata/gate.ts";
import { problem } from "./testdata/problem.ts";

const PAGE = { limit: 10, offset: 0 };

sessionTest("create() refuses what cannot be, and leaves nothing behind", async (bed) => {
  const refused = (more: object, status: number, words: RegExp) =>
    rejects(bed.start("say a", more), problem(status, words), JSON.stringify(more));
  await refused({ executor: "nobody" }, 422, /expected one of test, other, missing/);
  await refused({ executor: "missing" }, 422, /lost is not in PATH.*npm install test/);
  await refused({ permission_mode: "none" }, 422, /ask, all/);
  await refused({ permission_mode: "all" }, 403, /--allow-bypass/);
  await refused({ permission_mode: "yolo" }, 403, /--allow-bypass/);
  await refused({ project_path: ".." }, 422, /project_path.*--project-root/);
  await refused({ prompt: "x".repeat(101) }, 413, /100 bytes/);
  await refused({ prompt: "ä".repeat(51) }, 413, /100 bytes/);
  await refused({ prompt: "a\0b" }, 422, /NUL/);
  await refused({ model: "--yolo" }, 422, /^model: /);
  await refused({ resume: "-x" }, 422, /^resume: /);
  await refused({ resume: "a", resume_last: true }, 422, /expected one of them/);
  await refused({ allowed_tools: ["Bash", "--all"] }, 422, /^allowed_tools: /);
  await refused({ extra_args: ["--config", "x"] }, 422, /--effort, --fast, found "--config"/);
  await refused({ extra_args: ["constructor"] }, 422, /found "constructor"/);
  await refused({ extra_args: ["--effort"] }, 422, /--effort needs a value/);
  await refused({ extra_args: ["--effort", "--yolo"] }, 422, /leading "-"/);
  await refused({ extra_args: ["--fast=1"] }, 422, /--fast takes no value/);
  const bad = { name: "a", media_type: "text/plain", data: "%" };
  await refused({ attachments: [bad] }, 400, /attachments\[0\]/);
  const image = { name: "a", media_type: "image/png", data: "" };
  await refused({ attachments: [image], interactive: false }, 422, /no images/);
  strictEqual(bed.sessions.list(PAGE).total, 0);
  bed.config.allowBypass = true;
  const session = await bed.run("say a", {
    permission_mode: "yolo",
    extra_args: ["--fast", "--effort", "high", "--effort=-1"],
  });
  deepStrictEqual(pick(session, "permission_mode", "status"), {
    permission_mode: "all",
    status: "completed",
  });
  // Without the option it cannot go on either.
  bed.config.allowBypass = false;
  throws(() => session.send({ prompt: "say b" }), problem(403, /--allow-bypass/));
}, { prompt: 100 });
