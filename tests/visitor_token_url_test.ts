/**
 * From a running `arpc` to a URL that works: what it says of visitor tokens, what it leaves for
 * `arpc token create`, and where the key may lie.
 *
 * @module
 */

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import {
  PATIENCE_MS,
  Program,
  startClient,
  startServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { freePort } from "./ports.ts";
import { peer, peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { httpService, stepsOf } from "./services.ts";
import { type Ended, Home, idOf } from "./tokens.ts";

const permissions = WHOLE_PROGRAM;
const script = peer("script", "apt-get install bsdutils");
const FLAGS = ["--service", "none"];

/** What a visitor gets at a URL. */
async function visit(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers, redirect: "manual" });
  return { status: response.status, body: await response.text() };
}

/** What a client printed, once it is there. */
async function printed(client: Program): Promise<string> {
  await eventually("what it prints", () => Promise.resolve(client.stdout.endsWith("\n")));
  return client.stdout.trimEnd();
}

/** Runs `arpc` to its end, under these permissions. */
async function runClient(flags: string[], env: Record<string, string>, allow: string[]) {
  await using program = new Program("../client/main.ts", flags, ["--allow-net", ...allow], env);
  const { code } = await within(PATIENCE_MS, "an end", program.status());
  return { code, out: program.stdout, err: program.stderr };
}

/** What `arpc token create` printed. */
function lineOf({ code, out, err }: Ended): string {
  equal(code, 0, err);
  return out.trimEnd();
}

peerTest({ name: "arpc token create knows where each client is found", permissions }, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  await using one = httpService(() => new Response("one"));
  await using two = httpService(() => new Response("two"));
  await using server = await startServer();
  await using other = await startServer();
  const start = (at: typeof server, id: string, port: number, flags: string[] = []) =>
    startClient({ server: at, id, port, flags: [...FLAGS, ...flags], env: home.env });
  await using first = await start(server, "first", one.addr.port, ["--alias", "again"]);
  match(await printed(first), /\?token=first\nhttp:\/\/.*\?token=again$/);
  await using second = await start(other, "second", two.addr.port);
  await printed(second);

  await step("the URL of the last one, without being told", async () => {
    const url = lineOf(await home.run("create"));
    match(url, new RegExp(`^${other.url}/\\?token=eyJ[\\w.-]+$`));
    await eventually("the key", async () => (await visit(url)).status === 200);
    equal((await visit(url)).body, "two");
  });
  await step("and that of another, or of its alias, by the name", async () => {
    for (const id of ["first", "again"]) {
      const url = lineOf(await home.run("create", "--client-id", id, "--path", "/docs"));
      ok(url.startsWith(`${server.url}/docs?token=eyJ`), url);
      await eventually("the key", async () => (await visit(url)).status === 200);
      equal((await visit(url)).body, "one");
    }
  });
  await step("the token alone where a program wants that, and JSON with all of it", async () => {
    const token = lineOf(await home.run("create", "--bare"));
    match(token, /^eyJ[\w.-]+$/);
    const { url, ...all } = JSON.parse(lineOf(await home.run("create", "--json")));
    equal(url, `${other.url}/?token=${all.token}`);
    equal(all.id, idOf(all.token));
    const both = await home.run("create", "--bare", "--url", "https://a");
    deepEqual([both.code, both.out], [2, ""]);
    match(both.err, /--bare and --url: expected one of the two/);
  });
  await step("an unknown one is no reason to guess", async () => {
    match(lineOf(await home.run("create", "--client-id", "third")), /^eyJ[\w.-]+$/);
  });
  await step("a client that moved is found where it is now", async () => {
    await using moved = await start(other, "first", one.addr.port);
    await printed(moved);
    const url = lineOf(await home.run("create", "--client-id", "first"));
    ok(url.startsWith(other.url), url);
    notEqual(server.url, other.url);
  });
});

peerTest({
  name: "arpc --require-visitor-token shows the command that opens it, and nothing dead",
  permissions,
}, async (t) => {
  const step = stepsOf(t);
  await using service = httpService(() => new Response("hello"));
  await step("for this client", async () => {
    using home = new Home();
    await using server = await startServer();
    await using client = await startClient({
      server,
      id: "my-app",
      port: service.addr.port,
      flags: [...FLAGS, "--require-visitor-token"],
      env: home.env,
    });
    const command = await printed(client);
    equal(command, "arpc token create --client-id my-app");
    const [, , ...args] = command.split(" ");
    const url = lineOf(await home.run(...args));
    await eventually("the key", async () => (await visit(url)).status === 200);
    equal((await visit(`${server.url}/?token=my-app`)).status, 401);
  });
  await step("where the server wants tokens of all its clients", async () => {
    await using server = await startServer(["--require-visitor-token"]);
    const at = { server, id: "my-app", port: service.addr.port, flags: FLAGS };
    using home = new Home();
    await using client = await startClient({ ...at, env: home.env });
    equal(await printed(client), "arpc token create --client-id my-app");
    // Without a home it cannot leave the address for others.
    await using bare = await startClient({ ...at, id: "other" });
    equal(await printed(bare), `arpc token create --client-id other --url ${server.url}/`);
  });
});

peerTest({
  name: "where the key cannot be kept, arpc --require-visitor-token ends and says what to do",
  permissions,
}, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  const ports = ["--control-port", `${freePort()}`, "--local-port", "1", "--client-id", "a"];
  const flags = [...ports, "--require-visitor-token"];
  const refuses = ({ code, out, err }: Ended, why: RegExp) => {
    deepEqual([code, out], [2, ""], err);
    match(err, /^arpc: --require-visitor-token: cannot keep the key of visitor tokens in /m);
    match(err, why);
    match(err, /a volume.*\n {2}arpc token create --visitor-key-file .*\n {2}arpc --require-vis/);
  };
  await step("without a home folder, as by --allow-net alone", async () => {
    refuses(await runClient(flags, home.env, []), /~\/\.arp-client: the home folder is not known/);
  });
  await step("without permission to write", async () => {
    const allow = ["--allow-env", `--allow-read=${home.path}`];
    refuses(await runClient(flags, home.env, allow), /there is no permission to write there/);
  });
  await step("in a folder that cannot be made", async () => {
    const blocked = `${home.path}/blocked`;
    await Deno.mkdir(blocked);
    await Deno.writeTextFile(`${blocked}/.arp-client`, "a file");
    const allow = ["--allow-env", "--allow-read", `--allow-write=${home.path}`];
    const env = { HOME: blocked, USERPROFILE: blocked };
    refuses(await runClient(flags, env, allow), /blocked[/\\]\.arp-client: /);
  });
  await step("and with a key file that is none", async () => {
    const path = `${home.path}/key.json`;
    const allow = ["--allow-env", "--allow-read"];
    const missing = await runClient([...flags, "--visitor-key-file", path], home.env, allow);
    equal(missing.code, 2);
    match(missing.err, /--visitor-key-file: cannot read .*key\.json.*token create .* makes one/);
    await Deno.writeTextFile(path, '{"d":"something secret"}');
    const wrong = await runClient([...flags, "--visitor-key-file", path], home.env, allow);
    equal(wrong.code, 2);
    match(wrong.err, /--visitor-key-file: expected an Ed25519 key as JWK in .*key\.json/);
    ok(!wrong.err.includes("something secret"));
  });
});

peerTest({
  name: "arpc --visitor-key-file: tokens are made in one place and checked in another",
  permissions,
}, async (t) => {
  const step = stepsOf(t);
  using laptop = new Home();
  using container = new Home();
  const file = `${laptop.path}/visitor-key.json`;
  const create = (home: Home, key: string, ...more: string[]) =>
    home.run("create", "--client-id", "app", "--visitor-key-file", key, ...more);
  await using service = httpService(() => new Response("hello"));
  await using server = await startServer();
  const url = ["--url", server.url];
  let good = "";
  await step("the first token makes the key, in the file and nowhere else", async () => {
    good = lineOf(await create(laptop, file, ...url));
    if (Deno.build.os !== "windows") equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    deepEqual([...Deno.readDirSync(laptop.state)].map(({ name }) => name), [
      "visitor-tokens.jsonl",
    ]);
    ok(!Deno.readTextFileSync(`${laptop.state}/visitor-tokens.jsonl`).includes('"key"'));
  });
  // A container gets no more than the half that checks, and nothing to write on.
  const half = `${container.path}/public.json`;
  const { kty, crv, x } = JSON.parse(await Deno.readTextFile(file));
  await Deno.writeTextFile(half, JSON.stringify({ kty, crv, x }));
  const ports = ["--control-port", `${server.controlPort}`, "--proxy-port", `${server.proxyPort}`];
  await using client = new Program(
    "../client/main.ts",
    [
      ...ports,
      ...FLAGS,
      ...["--client-id", "app", "--local-port", `${service.addr.port}`, "--require-visitor-token"],
      ...["--visitor-key-file", half],
    ],
    ["--allow-net", "--allow-env", `--allow-read=${container.path}`],
    container.env,
  );
  await client.message("Registered");
  equal(
    await printed(client),
    `arpc token create --client-id app --visitor-key-file ${half} --url ${server.url}/`,
  );
  await step("what was made elsewhere opens it, before it ran and now", async () => {
    equal((await visit(good)).body, "hello");
    const later = lineOf(await create(laptop, file, ...url));
    equal((await visit(later)).body, "hello");
    equal((await visit(`${server.url}/?token=app`)).status, 401);
    const stranger = lineOf(await create(container, `${container.path}/other.json`, ...url));
    equal((await visit(stranger)).status, 401);
  });
  await step("the half signs nothing", async () => {
    const { code, err } = await create(container, half);
    equal(code, 1);
    match(err, /public\.json: expected a private key, found the public half/);
  });
  await step("a token is made also where nothing can be written down, and says so", async () => {
    using bare = new Home();
    await Deno.writeTextFile(bare.state, "no folder");
    const { code, out, err } = await create(bare, file, ...url);
    equal(code, 0, err);
    match(err, /written down nowhere here: until it expires, only a new key takes it back/);
    equal((await visit(out.trim())).body, "hello");
    const without = await bare.run("create", "--client-id", "app");
    equal(without.code, 1);
    match(without.err, /Cannot write .*visitor-tokens\.jsonl: .*\n.*--visitor-key-file/);
  });
  await step("a new key is for that file", async () => {
    const before = await Deno.readTextFile(file);
    const { code, out } = await laptop.run(
      "revoke",
      "all",
      "--new-key",
      "--visitor-key-file",
      file,
    );
    equal(code, 0);
    match(out, /good no more once arpc was started anew with /);
    notEqual(await Deno.readTextFile(file), before);
    equal((await visit(lineOf(await create(laptop, file, ...url)))).status, 401, "not known yet");
  });
});

peerTest({
  name: "on a terminal arpc token create says whose the token is, how long, and what takes it back",
  permissions,
  peers: [script],
  os: ["linux"],
}, async () => {
  using home = new Home();
  const main = new URL("../client/main.ts", import.meta.url).href;
  const command = [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-env"],
    ...[`--allow-read=${home.path}`, `--allow-write=${home.path}`, main, "token", "create"],
    ...["--client-id", "my-app", "--method", "get", "--uses", "1"],
  ].map((word) => `'${word}'`).join(" ");
  const { stdout } = await new Deno.Command(script.path, {
    args: ["-qec", command, "/dev/null"],
    env: { ...home.env, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const [token = "", about = "", link = ""] = new TextDecoder().decode(stdout).split("\r\n");
  match(token, /^eyJ[\w.-]+$/);
  match(about, /^For my-app, GET 1 visit, until \d{4}-\d\d-\d\d \d\d:\d\d\. Take it back: /);
  ok(about.endsWith(`arpc token revoke ${idOf(token)}`), about);
  match(link, /^No arpc was online as my-app here: for a link, add --url http\(s\):\/\/HOST/);
  for (const name of ["f", "fff", idOf(token).slice(0, 3)]) {
    const { code, err } = await home.run("revoke", name);
    equal(code, 1);
    match(err, idOf(token).startsWith(name) ? /give at least 4 characters/ : /No visitor token/);
  }
});
