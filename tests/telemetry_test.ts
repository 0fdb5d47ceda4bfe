import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Program, startClient, startServer, within } from "./helpers.ts";
import { PATIENCE_MS } from "./patience.ts";
import { peerTest, WHOLE_PROGRAM } from "./peers.ts";
import { eventually, HeldService, visit } from "./raw_peers.ts";

/** What of the OTLP's JSON is looked at. */
interface Metric {
  name: string;
  unit?: string;
  sum?: { isMonotonic: boolean; dataPoints: Point[] };
  gauge?: { dataPoints: Point[] };
  histogram?: { dataPoints: { count: string; explicitBounds: number[] }[] };
}
interface Log {
  severityText: string;
  body: { stringValue: string };
}
interface Point {
  asDouble?: number;
  asInt?: string;
  attributes: { key: string; value: { stringValue: string } }[];
}

/** A collector that takes metrics and logs as JSON over HTTP. */
class Collector implements AsyncDisposable {
  #http: Deno.HttpServer<Deno.NetAddr>;
  #waiting: { fits: (metrics: Map<string, Metric>) => boolean; resolve: () => void }[] = [];
  /** All that came, for tests that look for secrets. */
  text = "";
  /** Log records that came. */
  readonly logs: Log[] = [];
  /** How often metrics came. */
  exports = 0;

  constructor() {
    this.#http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (r) => {
      const text = await r.text();
      this.text += text;
      const { pathname } = new URL(r.url);
      if (pathname === "/v1/metrics") this.#take(text);
      if (pathname === "/v1/logs") this.#takeLogs(text);
      return Response.json({});
    });
  }

  /** What tells the runtime to send its telemetry here. */
  get env(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#http.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_METRIC_EXPORT_INTERVAL: "300",
      OTEL_BLRP_SCHEDULE_DELAY: "100",
      OTEL_DENO_CONSOLE: "replace",
    };
  }

  /** Resolves with the first metrics that fit. */
  async metrics(fits: (metrics: Map<string, Metric>) => boolean): Promise<Map<string, Metric>> {
    let found: Map<string, Metric> | undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ fits: (metrics) => fits(found = metrics), resolve });
    await within(PATIENCE_MS, "the awaited metrics", promise);
    return found!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.shutdown();
  }

  #takeLogs(text: string): void {
    for (const { scopeLogs } of JSON.parse(text).resourceLogs) {
      for (const { logRecords } of scopeLogs) this.logs.push(...logRecords);
    }
  }

  #take(text: string): void {
    this.exports++;
    const metrics = new Map<string, Metric>();
    for (const { scopeMetrics } of JSON.parse(text).resourceMetrics) {
      for (const scope of scopeMetrics) {
        if (scope.scope.name !== "arps") continue;
        for (const metric of scope.metrics) metrics.set(metric.name, metric);
      }
    }
    this.#waiting = this.#waiting.filter(({ fits, resolve }) => {
      if (!fits(metrics)) return true;
      resolve();
      return false;
    });
  }
}

function value(metric: Metric | undefined, attribute?: string): number {
  const points = metric?.sum?.dataPoints ?? metric?.gauge?.dataPoints ?? [];
  const point = points.find(({ attributes }) =>
    attribute === undefined || attributes.some(({ value }) => value.stringValue === attribute)
  );
  return Number(point?.asDouble ?? point?.asInt ?? NaN);
}

peerTest({
  name: "telemetry: the metrics reach a collector by OTLP, and the program ends all the same",
  permissions: WHOLE_PROGRAM,
}, async () => {
  const id = "the-id-of-a-client";
  await using collector = new Collector();
  await using service = new HeldService();
  await using server = await startServer([], collector.env);
  await using _client = await startClient({
    server,
    id,
    port: service.port,
    flags: ["--service", "none"],
  });
  strictEqual((await visit(server.publicPort, `/?token=${id}`)).body, "hello");
  await server.message("Visitor left");
  const metrics = await collector.metrics((metrics) =>
    value(metrics.get("arps.visitor_connections"), "http") === 1
  );
  strictEqual(value(metrics.get("arps.clients")), 1);
  const traffic = metrics.get("arps.traffic")!;
  deepStrictEqual([traffic.unit, traffic.sum!.isMonotonic], ["By", true]);
  ok(value(traffic, "down") > 5);
  ok(value(metrics.get("arps.client_traffic"), "down") === value(traffic, "down"));
  const stays = metrics.get("arps.visitor_stay")!.histogram!.dataPoints[0]!;
  deepStrictEqual([Number(stays.count), stays.explicitBounds[0]], [1, .01]);
  ok(value(metrics.get("process.resident_memory")) > 1e7);
  ok(!collector.text.includes(id));
  server.kill("SIGTERM");
  strictEqual((await within(PATIENCE_MS, "the end", server.status())).code, 0);
});

peerTest({
  name: "telemetry: the log reaches a collector by OTLP as it is printed, once, without a secret",
  permissions: WHOLE_PROGRAM,
}, async () => {
  const id = "the-id-of-a-client";
  await using collector = new Collector();
  await using service = new HeldService();
  await using server = await startServer([], collector.env);
  await using _client = await startClient({ server, id, port: service.port });
  const secret = "a-secret-in-a-query";
  strictEqual((await visit(server.publicPort, `/?token=${id}&key=${secret}`)).body, "hello");
  await visit(server.publicPort, `/?token=${secret}`);
  await server.messages("Visitor left", 2);
  server.kill("SIGTERM");
  strictEqual((await within(PATIENCE_MS, "the end", server.status())).code, 0);
  const printed = server.stderr.trimEnd().split("\n");
  ok(printed.length > 5);
  // The runtime sends what is left before it ends.
  deepStrictEqual(
    collector.logs.map(({ body }) => body.stringValue.trimEnd()).sort(),
    printed.sort(),
  );
  strictEqual(server.stdout, "");
  for (const { severityText, body } of collector.logs) {
    strictEqual(severityText, JSON.parse(body.stringValue).level.replace("WARNING", "WARN"));
  }
  for (const one of [id, secret]) ok(!collector.text.includes(one), one);
});

peerTest({
  name: "telemetry: where the console prints, the log is not exported, and the log says so",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using collector = new Collector();
  const { OTEL_DENO_CONSOLE: _replace, ...env } = collector.env;
  await using server = await startServer([], env);
  await server.message("This log is not exported, the rest of the telemetry is");
  await collector.metrics((metrics) => metrics.has("arps.clients"));
  server.kill("SIGTERM");
  strictEqual((await within(PATIENCE_MS, "the end", server.status())).code, 0);
  deepStrictEqual([collector.logs, server.stdout], [[], ""]);
});

peerTest({
  name: "telemetry: deno task server exports what the program does, and nothing of its launcher",
  permissions: WHOLE_PROGRAM,
  // Elsewhere signals do not reach programs.
  os: ["linux", "darwin"],
}, async () => {
  await using collector = new Collector();
  const { OTEL_DENO_CONSOLE: _replace, ...env } = collector.env;
  const ports = ["--control-port", "0", "--proxy-port", "0", "--public-port", "0"];
  await using task = new Program("", [], [], {}, {
    args: ["task", "--quiet", "server", "--bind", "127.0.0.1", ...ports],
    env: { ...env, NO_COLOR: "1", OTEL_METRIC_EXPORT_INTERVAL: "600000" },
  });
  await task.message("Server ready");
  task.kill("SIGTERM");
  strictEqual((await within(PATIENCE_MS, "the end", task.status())).code, 0);
  await eventually("the log", () => Promise.resolve(collector.logs.length === task.logs.length));
  strictEqual(collector.exports, 1);
});
