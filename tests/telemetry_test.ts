import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { startClient, startServer, within } from "./helpers.ts";
import { PATIENCE_MS } from "./patience.ts";
import { peerTest, WHOLE_PROGRAM } from "./peers.ts";
import { HeldService, visit } from "./raw_peers.ts";

/** What of the OTLP's JSON is looked at. */
interface Metric {
  name: string;
  unit?: string;
  sum?: { isMonotonic: boolean; dataPoints: Point[] };
  gauge?: { dataPoints: Point[] };
  histogram?: { dataPoints: { count: string; explicitBounds: number[] }[] };
}
interface Point {
  asDouble?: number;
  asInt?: string;
  attributes: { key: string; value: { stringValue: string } }[];
}

/** A collector that takes metrics as JSON over HTTP. */
class Collector implements AsyncDisposable {
  #http: Deno.HttpServer<Deno.NetAddr>;
  #waiting: { fits: (metrics: Map<string, Metric>) => boolean; resolve: () => void }[] = [];
  /** All that came, for tests that look for secrets. */
  text = "";

  constructor() {
    this.#http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (r) => {
      const text = await r.text();
      if (new URL(r.url).pathname === "/v1/metrics") this.#take(text);
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

  #take(text: string): void {
    this.text += text;
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
