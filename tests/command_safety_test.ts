import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "@std/path";
import { codex, withClis } from "./clis.ts";
import { CommandRig, onlyPrograms } from "./command.ts";
import { processesWith } from "./command_driver.ts";
import { peerTest } from "./peers.ts";
import { stepsOf } from "./services.ts";
import type { Json } from "./viewer.ts";

/** A key that is looked for where it must not be. */
const KEY = "k3y-which-nobody-may-see";

peerTest({ name: "with an API key, who has none gets nothing", ...withClis(codex) }, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start({ env: { ARP_API_KEY: KEY } });
  const { api, home } = rig;
  const create = {
    executor: "codex",
    prompt: "[[tool:env > env.txt]]",
    project_path: home.project,
  };

  await step("401, whatever is asked for", async () => {
    const paths = [
      ...[
        "/api/sessions",
        "/sessions",
        "/api/executors",
        "/api/permissions",
        "/api/codex/sessions",
      ],
      ...["/api/permissions/events", "/mcp", "/openapi.json", "/proxy/1/", "/api/fs"],
    ];
    for (const path of paths) {
      for (const authorization of ["", "Bearer wrong", `Basic ${KEY}`]) {
        // Each from somewhere else, so that they are not taken for many guesses of one.
        const { status, headers } = await api.ask("GET", path, { headers: { authorization } });
        equal(status, 401, path);
        match(headers.get("www-authenticate")!, /^Bearer/);
      }
    }
    const headers = { authorization: "" };
    equal((await api.ask("POST", "/api/sessions", { headers, body: create })).status, 401);
    equal((await api.ask("GET", "/api/health", { headers })).status, 200);
  });

  await step("with it, all goes on", async () => {
    await using viewer = api.run(create);
    await api.decide((await viewer.question()).id, { action: "approve" });
    equal((await viewer.completion()).status, "completed");
    const key = { "authorization": "", "x-api-key": KEY };
    equal((await api.ask("GET", "/api/sessions", { headers: key })).status, 200);
  });

  await step("nobody can see it", async () => {
    deepEqual(await processesWith(KEY), []);
    ok(!rig.client.stderr.includes(KEY) && !rig.server.stderr.includes(KEY));
    ok(!rig.client.stdout.includes(KEY));
    const own = await Deno.readTextFile(join(home.project, "env.txt"));
    ok(own.includes("PATH="));
    ok(!/^ARP/m.test(own) && !own.includes(KEY), own);
  });
});

peerTest({ name: "what is wrong with a request is said", ...withClis(codex) }, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start({
    flags: ["--max-body-mb", "1", "--project-root", "~/project"],
    // Another CLI than those under test is not there.
    prepare: (home) => onlyPrograms(home, ["codex"]),
  });
  const { api, home } = rig;
  const good = { executor: "codex", prompt: "[[say:Hi]]" };
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    api.ask("POST", "/api/sessions", { body, headers });
  const problem = async (status: number, body: unknown, detail: RegExp) => {
    const answer = await post(body);
    equal(answer.status, status, JSON.stringify(answer.body));
    equal(answer.headers.get("content-type"), "application/problem+json");
    equal(answer.body.status, status);
    match(answer.body.detail, detail);
    return answer.body;
  };
  const fields = ({ errors }: Json) => errors.map(({ field }: Json) => field).sort();

  await step("400 names each field", async () => {
    deepEqual(fields(await problem(400, {}, /prompt/)), ["prompt"]);
    const wrong = { prompt: "", model: 7, interactive: "perhaps", attachments: [{ name: "a" }] };
    deepEqual(fields(await problem(400, wrong, /prompt/)), [
      ...["attachments.0.data", "attachments.0.media_type", "interactive", "model", "prompt"],
    ]);
    await problem(400, "{", /no JSON/);
    await problem(400, "[]", /body/);
    await problem(400, `{"prompt":${"[".repeat(1000)}${"]".repeat(1000)}}`, /nested deeper/);
  });

  await step("415 for what a form could send", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      equal((await post("{}", { "content-type": type })).status, 415);
    }
  });

  await step("413 for too much", async () => {
    await problem(413, { ...good, prompt: "x".repeat(2 ** 20) }, /longer than 1048576 bytes/);
    equal((await api.session((await api.create(good)).id)).executor, "codex");
  });

  await step("422 for what there is not", async () => {
    await problem(422, { ...good, executor: "hal" }, /expected one of claude, codex.*"hal"/);
    await problem(
      422,
      { ...good, executor: "opencode" },
      /opencode cannot be used: .*not in PATH.*npm install -g opencode-ai/,
    );
    await problem(422, { ...good, permission_mode: "godlike" }, /default, .*"godlike"/);
    await problem(
      422,
      { ...good, extra_args: ["--remote"] },
      /extra_args: Codex may be given .*"--remote"/,
    );
    await problem(422, { ...good, extra_args: ["--config=notify=x"] }, /notify/);
    await problem(422, { ...good, allowed_tools: ["shell"] }, /[Cc]odex/);
    await problem(422, { ...good, resume: "--help" }, /resume: expected no leading "-"/);
    for (const resume of ["/etc/x.jsonl", "../x.jsonl", "x.JSONL", "http://127.0.0.1:9/x"]) {
      await problem(422, { ...good, resume }, /resume: expected the id of a session/);
    }
    const { body } = await api.ask("GET", "/api/executors");
    const [one] = body.executors.filter(({ name }: Json) => name === "opencode");
    deepEqual([one.installed, one.path, one.version], [false, null, null]);
    match(one.problem, /not in PATH/);
  });

  await step("422 for folders beyond the project root, however they are written", async () => {
    await Deno.symlink(home.path, join(home.project, "link"));
    const paths = [
      ...["/", "/etc", home.path, join(home.project, ".."), join(home.project, "link")],
      ...["..", "../..", "~", "link/.ssh", `${home.project}-other`, "nowhere", "\0"],
    ];
    for (const project_path of paths) {
      await problem(422, { ...good, project_path }, /existing folder below .*--project-root/);
    }
    await Deno.mkdir(join(home.project, "sub"));
    for (const project_path of ["sub", "~/project/sub", join(home.project, "sub")]) {
      equal((await api.create({ ...good, project_path })).project_path, join(home.project, "sub"));
    }
  });

  await step("403 for modes that ask nobody", async () => {
    for (const permission_mode of ["bypassPermissions", "yolo", "danger-full-access"]) {
      await problem(403, { ...good, permission_mode }, /--allow-bypass/);
    }
  });

  await step("403 for pages of another origin, which may not even look", async () => {
    for (const origin of ["https://evil.example", "null", api.server.url.replace("127", "128")]) {
      const headers = { origin };
      equal((await post(good, headers)).status, 403);
      const seen = await api.ask("GET", "/api/sessions", { headers });
      equal(seen.headers.get("access-control-allow-origin"), null);
    }
    equal((await post(good, { origin: api.server.url })).status, 201);
    equal((await post(good, { "sec-fetch-site": "cross-site" })).status, 403);
  });

  await step("404 for what nobody knows, 405 for what cannot be done", async () => {
    const id = crypto.randomUUID();
    for (
      const [method, path, body] of [
        ["GET", `/api/sessions/${id}`],
        ["GET", `/api/sessions/${id}/lines`],
        ["POST", `/api/sessions/${id}/messages`, { prompt: "x" }],
        ["POST", `/api/sessions/${id}/cancel`],
        ["PATCH", `/api/sessions/${id}`, { title: "x" }],
        ["DELETE", `/api/sessions/${id}`],
        ["GET", `/api/permissions/${id}`],
        ["POST", `/api/permissions/${id}/decision`, { action: "deny" }],
        ["GET", `/api/codex/sessions/${id}`],
        ["DELETE", `/api/codex/sessions/${id}`],
        ["GET", `/api/hal/sessions`],
        ["GET", `/api/nothing`],
      ] as const
    ) {
      const answer = await api.ask(method, path, body === undefined ? {} : { body });
      equal(answer.status, 404, `${method} ${path}: ${JSON.stringify(answer.body)}`);
      equal(answer.headers.get("content-type"), "application/problem+json");
    }
    equal((await api.ask("PUT", "/api/sessions", { body: {} })).status, 405);
  });

  await step("neither tokens nor prompts nor queries are in the log", () => {
    for (const { stderr } of [rig.client, rig.server]) {
      ok(!/\[\[say:Hi|token=|from_line/.test(stderr));
    }
  });
});

peerTest(
  { name: "--allow-bypass says so loudly, and lets a mode through", ...withClis(codex) },
  async () => {
    await using rig = await CommandRig.start({ flags: ["--allow-bypass"] });
    const { api, home, client } = rig;
    const warnings = client.logs.filter(({ level }) => level === "WARN").map((one) => one.message);
    ok(warnings.some((text) => text.includes("--allow-bypass")));
    ok(warnings.some((text) => text.includes("No API key")));
    const prompt = "[[tool:echo free > free.txt]]";
    await using viewer = api.run({
      executor: "codex",
      prompt,
      project_path: home.project,
      permission_mode: "yolo",
    });
    equal((await viewer.completion()).status, "completed");
    ok(viewer.seen.every(({ data }) => data?.type !== "permission_request"));
    equal(await Deno.readTextFile(join(home.project, "free.txt")), "free\n");
  },
);
