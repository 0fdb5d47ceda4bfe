import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { join } from "@std/path";
import { codex, withClis } from "./clis.ts";
import { CommandRig } from "./command.ts";
import { PATIENCE_MS, within } from "./helpers.ts";
import { peer, peerTest } from "./peers.ts";
import { httpService, stepsOf } from "./services.ts";
import type { Json } from "./viewer.ts";

const gitProgram = peer("git", "apt-get install git");
/** Twice what JSON carries of a file, in bytes. */
const LARGE = 2 ** 21;

const needed = withClis(codex);

peerTest({
  name: "files of projects, what a session changed, and other ports, through the tunnel",
  ...needed,
  peers: [...needed.peers, gitProgram],
}, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start({
    flags: ["--project-root", "~/project", "--enable-fs"],
  });
  const { api, home } = rig;
  const inProject = (...path: string[]) => join(home.project, ...path);
  const git = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command(gitProgram.path, {
      args: ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", ...args],
      cwd: home.project,
      env: home.env,
      clearEnv: true,
    }).output();
    ok(success, new TextDecoder().decode(stderr));
  };
  await git("init", "--quiet");
  await home.write("project/kept.txt", "one\ntwo\nthree\n");
  await home.write("project/mine.txt", "before the session\n");
  await home.write("project/.gitignore", "ignored\n");
  await git("add", ".");
  await git("commit", "--quiet", "-m", "first");
  await home.write("project/mine.txt", "changed before the session\n");
  await home.write("secret.txt", "outside");
  let id = "";

  await step("a session's changes, and only those", async () => {
    const prompt = "[[tool:printf 'one\\n2\\nthree\\n' > kept.txt && echo new > nëw.txt && " +
      "echo x > ignored]]";
    await using viewer = api.run({ executor: "codex", prompt, project_path: home.project });
    await api.decide((await viewer.question()).id, { action: "approve" });
    equal((await viewer.completion()).status, "completed");
    id = viewer.session;
    const { status, body } = await api.ask("GET", `/api/sessions/${id}/diff`);
    equal(status, 200);
    deepEqual([body.available, body.reason, body.truncated], [true, null, false]);
    deepEqual(body.files.map(({ path }: Json) => path).sort(), ["kept.txt", "nëw.txt"]);
    deepEqual([body.additions, body.deletions], [2, 1]);
    match(body.patch, /^-two$/m);
    match(body.patch, /^\+2$/m);
    const one = await api.ask("GET", `/api/sessions/${id}/diff`, { query: { path: "nëw.txt" } });
    deepEqual(one.body.files.map(({ path }: Json) => path), ["nëw.txt"]);
  });

  await step("what it changed is committed, and arpc is killed: still the same", async () => {
    await git("add", "kept.txt");
    await git("commit", "--quiet", "-m", "second");
    await rig.killClient();
    await rig.startClient();
    const { body } = await api.ask("GET", `/api/sessions/${id}/diff`);
    deepEqual(body.files.map(({ path }: Json) => path).sort(), ["kept.txt", "nëw.txt"]);
  });

  await step("a folder", async () => {
    const { body } = await api.ask("GET", "/api/fs", { query: { path: home.project } });
    deepEqual(body.entries.map(({ name, type }: Json) => `${type} ${name}`), [
      ...["folder .git", "file .gitignore", "file ignored", "file kept.txt", "file mine.txt"],
      "file nëw.txt",
    ]);
    deepEqual([body.path, body.parent, body.roots], [home.project, null, [home.project]]);
    const listed = await api.ask("GET", `/api/sessions/${id}/fs`, { query: { hidden: "false" } });
    ok(!listed.body.entries.some(({ hidden }: Json) => hidden));
  });

  await step("a file, whole and in part", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(65536));
    const whole = new Uint8Array(LARGE);
    for (let at = 0; at < LARGE; at += bytes.length) whole.set(bytes, at);
    await Deno.writeFile(inProject("large.bin"), whole);
    const query = { path: inProject("large.bin") };
    const all = await api.fetch("GET", "/api/fs/file", { query });
    deepEqual(new Uint8Array(await all.arrayBuffer()), whole);
    const etag = all.headers.get("etag")!;
    const part = await api.fetch("GET", "/api/fs/file", {
      query,
      headers: { range: "bytes=1000-1999" },
    });
    equal(part.status, 206);
    equal(part.headers.get("content-range"), `bytes 1000-1999/${LARGE}`);
    deepEqual(new Uint8Array(await part.arrayBuffer()), whole.slice(1000, 2000));
    const ask = async (headers: Record<string, string>) =>
      (await api.ask("GET", "/api/fs/file", { query, headers: { accept: "*/*", ...headers } }))
        .status;
    equal(await ask({ "if-none-match": etag }), 304);
    equal(await ask({ range: `bytes=${LARGE}-` }), 416);
    const { body } = await api.ask("GET", "/api/fs/file", { query });
    deepEqual([body.encoding, body.truncated, body.size], ["base64", true, LARGE]);
    equal(Uint8Array.fromBase64(body.content).length, LARGE / 2);
    const text = await api.ask("GET", `/api/sessions/${id}/fs/file`, {
      query: { path: "kept.txt" },
    });
    deepEqual([text.body.content, text.body.media_type], [
      "one\n2\nthree\n",
      "text/plain; charset=utf-8",
    ]);
  });

  await step("nothing beyond the project root, whatever leads there", async () => {
    await Deno.symlink("../secret.txt", inProject("link.txt"));
    await Deno.symlink("/etc", inProject("etc"));
    const paths = [
      ...[join(home.path, "secret.txt"), inProject("../secret.txt"), inProject("link.txt")],
      ...["/etc/passwd", inProject("etc/passwd"), inProject("etc"), inProject("nothing")],
    ];
    for (const path of paths) {
      for (const route of ["/api/fs", "/api/fs/file"]) {
        const { status, body } = await api.ask("GET", route, { query: { path } });
        ok([403, 404, 422].includes(status), `${status} ${route} ${path}`);
        ok(!JSON.stringify(body).includes("outside") && !JSON.stringify(body).includes("root:"));
      }
    }
    for (const path of ["../secret.txt", "link.txt", "etc/passwd", "/etc/passwd"]) {
      const { status } = await api.ask("GET", `/api/sessions/${id}/fs/file`, { query: { path } });
      ok([400, 403, 404, 422].includes(status), `${status} ${path}`);
    }
  });

  await step("another port: WebSocket, events, a page", async () => {
    await using service = httpService((request) => {
      const { pathname, search } = new URL(request.url);
      if (request.headers.get("upgrade") === "websocket") {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send(`${data}!`);
        return response;
      }
      if (pathname === "/events") {
        return new Response("data: 1\n\ndata: 2\n\n", {
          headers: { "content-type": "text/event-stream" },
        });
      }
      return new Response(`${request.method} ${pathname}${search}`);
    });
    const { port } = service.addr;
    const at = api.url(`/proxy/${port}/live`).replace("http:", "ws:");
    const socket = new WebSocket(at);
    await within(PATIENCE_MS, "open", once(socket, "open"));
    socket.send("hello");
    const [{ data }] = await within(PATIENCE_MS, "the echo", once(socket, "message"));
    equal(data, "hello!");
    socket.close();
    await within(PATIENCE_MS, "the end", once(socket, "close"));
    const events = await api.ask("GET", `/proxy/${port}/events`);
    equal(events.body, "data: 1\n\ndata: 2\n\n");
    const page = await api.ask("PUT", `/proxy/${port}/a/b`, { query: { c: "d" }, body: "{}" });
    equal(page.body, `PUT /a/b?token=${api.token}&c=d`);
    equal((await api.ask("GET", "/proxy/5432/")).status, 403);
  });
});

peerTest({ name: "files are not served unless arpc was told to", ...withClis(codex) }, async () => {
  await using rig = await CommandRig.start();
  const { api, home } = rig;
  for (const path of ["/api/fs", "/api/fs/file"]) {
    const { status, body } = await api.ask("GET", path, { query: { path: home.project } });
    equal(status, 403);
    match(body.detail, /--enable-fs/);
  }
});
