/**
 * The alert rules and the dashboard in `deploy/`: whether Prometheus understands them, and whether
 * what they ask for is what the program gives.
 *
 * @module
 */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "@std/path";
import { parse } from "yaml";
import { Admin } from "./admin.ts";
import { Scratch } from "./daemons.ts";
import { startServer } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peer, peerTest, WHOLE_PROGRAM } from "./peers.ts";
import { eventually, visit } from "./raw_peers.ts";
import { connect, identify, openssl, run as runTls } from "./tls.ts";

const promtool = peer("promtool", "apt-get install prometheus");
const DEPLOY = join(dirname(import.meta.dirname ?? "."), "deploy");
const RULES = join(DEPLOY, "prometheus/alerts.yaml");
const DASHBOARD = join(DEPLOY, "grafana/arps.json");

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(promtool.path, { args }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  strictEqual(code, 0, text);
  return text;
}

interface Rule {
  alert: string;
  expr: string;
}
interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; legendFormat: string }[];
}

async function rules(): Promise<Rule[]> {
  const { groups } = parse(await Deno.readTextFile(RULES));
  return groups.flatMap(({ rules }: { rules: Rule[] }) => rules);
}

async function panels(): Promise<Panel[]> {
  return JSON.parse(await Deno.readTextFile(DASHBOARD)).panels;
}

/** An expression of the dashboard as Prometheus gets it. */
function filledIn(expr: string): string {
  return expr.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*");
}

/** The expressions of both. */
async function expressions(): Promise<string[]> {
  const shown = (await panels()).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return [...(await rules()).map(({ expr }) => expr), ...shown.map(filledIn)];
}

peerTest({
  name:
    "monitoring: promtool accepts the alert rules, and each fires when it should and not before",
  permissions: WHOLE_PROGRAM,
  peers: [promtool],
}, async () => {
  match(await run("check", "rules", RULES), /SUCCESS: \d+ rules found/);
  match(await run("test", "rules", join(DEPLOY, "prometheus/alerts_test.yaml")), /SUCCESS/);
  const { tests } = parse(await Deno.readTextFile(join(DEPLOY, "prometheus/alerts_test.yaml")));
  const names = (await rules()).map(({ alert }) => alert);
  for (const test of [tests[0], tests[2]]) {
    const tested = test.alert_rule_test.map(({ alertname }: { alertname: string }) => alertname);
    deepStrictEqual(tested, names, test.name);
  }
  const guide = await Deno.readTextFile(join(dirname(DEPLOY), "docs/operations.md"));
  const explained = [...guide.matchAll(/`(Arps\w+)`/g)].map(([, name]) => name);
  deepStrictEqual(explained, names);
});

peerTest({
  name: "monitoring: the metrics tell when the certificate expires, also after it was renewed",
  permissions: WHOLE_PROGRAM,
  peers: [openssl],
}, async () => {
  await using folder = new Scratch();
  const { cert, key } = await identify(folder, "localhost");
  /** When it expires, in seconds, by the word of openssl. */
  const expires = async () => {
    const { words } = await runTls(openssl.path, ["x509", "-in", cert, "-noout", "-enddate"]);
    return Date.parse(words.replace(/^notAfter=/, "")) / 1000;
  };
  const flags = ["--tls-cert", cert, "--tls-key", key, "--admin-port", "0"];
  await using server = await startServer(flags);
  const admin = Admin.of(server);
  const metric = () => admin.metric("arps_certificate_expiration_timestamp_seconds");
  const before = await expires();
  strictEqual(await metric(), before);
  // It is good for two days: that is not yet its last third.
  ok(!server.stderr.includes("The certificate expires"));
  const renew = ["-in", cert, "-signkey", key, "-days", "30", "-out", `${cert}.new`];
  strictEqual((await runTls(openssl.path, ["x509", ...renew])).code, 0);
  await Deno.rename(`${cert}.new`, cert);
  await server.message("Certificate reloaded");
  strictEqual(await metric(), await expires());
  ok(await expires() > before);
});

peerTest({
  name: "monitoring: Prometheus can read each expression of the dashboard",
  permissions: WHOLE_PROGRAM,
  peers: [promtool],
}, async () => {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    const all = (await expressions()).map((expr, nth) => ({ record: `arps:${nth}`, expr }));
    await Deno.writeTextFile(path, JSON.stringify({ groups: [{ name: "all", rules: all }] }));
    match(await run("check", "rules", path), new RegExp(`SUCCESS: ${all.length} rules found`));
  } finally {
    await Deno.remove(path);
  }
});

peerTest({
  name: "monitoring: the panels have names, and none lies on another",
  permissions: WHOLE_PROGRAM,
}, async () => {
  const all = await panels();
  strictEqual(new Set(all.map(({ id }) => id)).size, all.length);
  const taken = new Set<string>();
  for (const { title, type, targets = [], gridPos: { x, y, w, h } } of all) {
    ok(title !== "" && x + w <= 24, title);
    strictEqual(targets.length > 0, type !== "row", title);
    for (let at = 0; at < w * h; at++) {
      const cell = `${x + at % w} ${y + Math.floor(at / w)}`;
      ok(!taken.has(cell), `${title} lies on another panel`);
      taken.add(cell);
    }
  }
});

peerTest({
  name: "monitoring: what the rules and the dashboard ask for is what the server gives",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using server = await startServer(["--admin-port", "0"]);
  const metrics = await Admin.of(server).text("/metrics");
  const types = [...metrics.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  const guide = await Deno.readTextFile(join(dirname(DEPLOY), "docs/operations.md"));
  const rows = guide.matchAll(
    /^\| (`(?:arps|process)_.*?`) *\| (gauge|counter|histogram|summary) /gm,
  );
  const explained = [...rows].flatMap(([, names, type]) =>
    [...names!.matchAll(/\w+/g)].map(([name]) => `${name} ${type}`)
  );
  deepStrictEqual(explained.sort(), types.map(([, name, type]) => `${name} ${type}`).sort());
  const given = new Set<string>();
  for (const [, name, type] of types) {
    const parts = type === "histogram"
      ? ["_bucket", "_sum", "_count"]
      : type === "summary"
      ? ["_sum", "_count"]
      : [""];
    for (const part of parts) given.add(name! + part);
  }
  const asked = (await expressions()).flatMap((expr) => {
    // What stands in quotes, or in `by (…)`, is a label.
    const found = expr.replace(/"[^"]*"/g, "").match(/\b(?:arps|process)_\w+/g);
    ok(found !== null || expr.startsWith("up{"), expr);
    return found ?? [];
  });
  ok(asked.length > 40);
  deepStrictEqual([...new Set(asked)].filter((name) => !given.has(name)), []);
  // Nothing that is given is left out of sight but the series of clients.
  const unseen = [...given].filter((name) =>
    !asked.includes(name) && !/^arps_client_|_(?:sum|count)$/.test(name)
  );
  deepStrictEqual(unseen, ["arps_draining"]);
});

peerTest({
  name: "monitoring: connections are counted for as long as they are open, with TLS or without",
  permissions: WHOLE_PROGRAM,
  peers: [openssl],
}, async () => {
  await using folder = new Scratch();
  const { cert, key } = await identify(folder, "localhost");
  for (const flags of [[], ["--tls-cert", cert, "--tls-key", key]]) {
    await using server = await startServer([...flags, "--admin-port", "0"]);
    const admin = Admin.of(server);
    const open = async (count: number) => {
      const metric = () => admin.metric('arps_connections{port="public"}');
      await eventually(`${count} connections`, async () => await metric() === count);
    };
    {
      using _silent = await Wire.dial(server.publicPort);
      using half = await Wire.dial(server.publicPort);
      // The first three bytes of TLS, which may yet become something.
      await half.send("\x16\x03\x01");
      await open(2);
    }
    await open(0);
    const answer = flags.length > 0
      ? (await connect(server.publicPort)).words
      : (await visit(server.publicPort, "/")).start;
    match(answer, /HTTP\/1\.1 404 Not Found/);
    await open(0);
  }
});
