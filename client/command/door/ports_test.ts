import { ok, strictEqual, throws } from "node:assert/strict";
import { PortSet } from "@agentx/common/cli";
import { Problem } from "../problem.ts";
import { ReachablePorts } from "./ports.ts";

function refuses(ports: ReachablePorts, port: number, detail: RegExp): void {
  throws(() => ports.check(port), (error) => {
    ok(error instanceof Problem, String(error));
    strictEqual(error.status, 403);
    ok(detail.test(error.detail), error.detail);
    return true;
  });
}

Deno.test("without a list all ports may be reached but those of databases and the like", () => {
  const ports = new ReachablePorts(new PortSet(), new Set());
  for (const port of [1, 80, 3000, 5173, 8080, 65535]) ports.check(port);
  for (const port of [5432, 3306, 6379, 27017, 1433, 1521, 9200, 11211, 5984, 9042, 2379]) {
    refuses(ports, port, /a database.*--proxy-allow \d+ /);
  }
  refuses(ports, 22, /ssh.*--proxy-allow 22 /);
  refuses(ports, 2375, /Docker.*--proxy-allow 2375 /);
});

Deno.test("a list allows what it names, databases too, and nothing else", () => {
  const ports = new ReachablePorts(new PortSet([[3000, 3999], [5432, 5432]]), new Set());
  for (const port of [3000, 3999, 3306, 5432]) ports.check(port);
  for (const port of [2999, 4000, 6379]) refuses(ports, port, /none of those.*--proxy-allow \d+ /);
});

Deno.test("ports of this program stay out of reach whatever the list says", () => {
  const ports = new ReachablePorts(new PortSet([[1, 65535]]), new Set([9021, 40000]));
  refuses(ports, 9021, /arpc itself/);
  refuses(ports, 40000, /arpc itself/);
  ports.check(40001);
});
