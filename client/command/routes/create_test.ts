import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { Problem } from "../problem.ts";
import { readCreate } from "./create.ts";

const NONE = new URLSearchParams();

/** The fields that a refusal names. */
function wrong(query: URLSearchParams, text: string): string[] {
  try {
    readCreate(query, text);
    return [];
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 400) throw error;
    const errors = (error.more.errors ?? []) as { field: string }[];
    return errors.map(({ field }) => field);
  }
}

Deno.test("readCreate() takes a body", () => {
  deepStrictEqual(readCreate(NONE, '{"prompt":"hi"}'), { executor: "claude", prompt: "hi" });
  deepStrictEqual(
    readCreate(NONE, '{"prompt":"hi","executor":"codex","nobody":"knows","__proto__":{"x":1}}'),
    { executor: "codex", prompt: "hi" },
  );
});

Deno.test("readCreate() takes a query", () => {
  const query = new URLSearchParams({
    prompt: "hi",
    executor: "gemini",
    projectPath: "/a",
    approval_mode: "plan",
    allowed_tools: "Read, Bash(git log:*, a) ,,",
    resume_last: "",
    interactive: "false",
    attachments: "[]",
  });
  query.append("extra_args", "--effort");
  query.append("extra_args", "high");
  deepStrictEqual(readCreate(query, ""), {
    executor: "gemini",
    prompt: "hi",
    project_path: "/a",
    permission_mode: "plan",
    allowed_tools: ["Read", "Bash(git log:*, a)"],
    resume_last: true,
    interactive: false,
    extra_args: ["--effort", "high"],
  });
});

Deno.test("readCreate() puts the body before the query, and a name before its other name", () => {
  const query = new URLSearchParams({ prompt: "query", model: "m", project_path: "/query" });
  const body = '{"prompt":"body","projectPath":"/other","project_path":"/body"}';
  const { prompt, model, project_path } = readCreate(query, body);
  deepStrictEqual([prompt, model, project_path], ["body", "m", "/body"]);
  strictEqual(readCreate(query, '{"projectPath":"/other"}').project_path, "/other");
});

Deno.test("readCreate() names each field that is missing or wrong", () => {
  deepStrictEqual(wrong(NONE, ""), ["prompt"]);
  deepStrictEqual(wrong(NONE, "{}"), ["prompt"]);
  deepStrictEqual(wrong(NONE, '{"prompt":"","executor":1,"resume_last":"yes","title":""}'), [
    "executor",
    "prompt",
    "resume_last",
    "title",
  ]);
  deepStrictEqual(wrong(new URLSearchParams("prompt=hi&interactive=maybe"), ""), ["interactive"]);
  const attachments = [{ name: "a", media_type: "x", data: "!" }];
  deepStrictEqual(wrong(NONE, JSON.stringify({ prompt: "hi", attachments })), [
    "attachments.0.media_type",
    "attachments.0.data",
  ]);
  for (const text of ["[]", "null", "1", '"x"']) deepStrictEqual(wrong(NONE, text), ["body"]);
});

Deno.test("readCreate() says of what is no JSON that it is none", () => {
  for (const text of ["{", "prompt=hi", "{'prompt':'hi'}"]) {
    throws(() => readCreate(NONE, text), { status: 400, detail: "The body is no JSON" });
  }
});

Deno.test("readCreate() takes or refuses anything, and never fails otherwise", () => {
  const field = fc.oneof(
    fc.constantFrom("prompt", "executor", "projectPath", "allowed_tools", "attachments"),
    fc.string(),
  );
  fc.assert(fc.property(
    fc.dictionary(field, fc.jsonValue()),
    fc.dictionary(field, fc.string()),
    (body, query) => void wrong(new URLSearchParams(query), JSON.stringify(body)),
  ));
  fc.assert(fc.property(fc.string(), (text) => void wrong(NONE, text)));
});
