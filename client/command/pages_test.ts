import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { Still } from "./testdata/api.ts";

/** What stands between the tags of this name. */
function inside(html: string, tag: string): string[] {
  return [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))].map(([, text]) => text!);
}

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

Deno.test("the pages bring all they need, and may run nothing else", async () => {
  await using still = new Still({ apiKey: "correct-horse-battery" });
  for (const path of ["/", "/docs"]) {
    const response = await still.api.ask("GET", path);
    strictEqual(response.status, 200, path);
    match(response.headers.get("content-type") ?? "", /^text\/html; charset=utf-8$/i);
    const html = await response.text();
    const policy = new Map(
      (response.headers.get("content-security-policy") ?? "").split("; ")
        .map((one) => [one.split(" ")[0]!, one.split(" ").slice(1)]),
    );
    deepStrictEqual(policy.get("script-src"), inside(html, "script").map(hash), path);
    deepStrictEqual(policy.get("style-src"), inside(html, "style").map(hash), path);
    deepStrictEqual(policy.get("connect-src"), ["'self'"]);
    for (const name of ["default-src", "base-uri", "form-action", "frame-ancestors"]) {
      deepStrictEqual(policy.get(name), ["'none'"], name);
    }
    const markup = html.replaceAll(/<(script|style)>.*?<\/\1>/gs, "");
    ok(!/%[A-Z]+%/.test(markup), "a part is missing");
    ok(!/ (src|style|on\w+)=/.test(markup), "nothing that the policy refuses");
    deepStrictEqual([...markup.matchAll(/ href="([^#"]*)"/g)].map(([, href]) => href), ["data:,"]);
    ok(!html.includes("correct-horse"));
  }
});
