import { deepStrictEqual } from "node:assert/strict";
import { FakeConn } from "../common/testdata/conn.ts";
import type { Client } from "./registry.ts";
import { Visitor } from "./visitor.ts";

Deno.test("a visitor's bytes count as those of the client that it is with, while they flow", () => {
  const visitor = new Visitor(new FakeConn(), { hostname: "192.0.2.7", port: 5 }, false);
  const [one, other] = [{ up: 0, down: 0 }, { up: 100, down: 100 }];
  visitor.traffic.up += 1; // before it is known where it goes
  visitor.joins({ traffic: one } as Client);
  visitor.traffic.up += 20;
  visitor.traffic.down += 300;
  visitor.joins({ traffic: other } as Client);
  visitor.traffic.down += 4000;
  deepStrictEqual([one, other], [{ up: 20, down: 300 }, { up: 100, down: 4100 }]);
  deepStrictEqual([visitor.traffic.up, visitor.traffic.down], [21, 4300]);
});
