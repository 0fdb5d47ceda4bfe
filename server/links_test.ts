import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Conn, Logger } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { Links, type LinksOptions } from "./links.ts";

/** A connection from an address. */
function from(hostname: string): Conn {
  return Object.assign(new FakeConn(), { remoteAddr: { hostname, port: 9 } });
}

function open(options: Partial<LinksOptions>) {
  const lines: Record<string, unknown>[] = [];
  const log = {
    warning: (_: string, fields: Record<string, unknown>) => lines.push(fields),
  } as unknown as Logger;
  const links = new Links({ max: 2, trusted: new Set(), ...options }, log);
  const closed: string[] = [];
  const enter = (name: string, address = "192.0.2.1") =>
    links.enter(from(address), () => closed.push(name));
  return { links, enter, closed, lines };
}

Deno.test("enter() lets the oldest that has not shown what it is make room", () => {
  const { links, enter, closed, lines } = open({});
  const known = enter("known");
  known!.keep();
  enter("first");
  const second = enter("second");
  deepStrictEqual(closed, ["first"]);
  ok(enter("third"));
  deepStrictEqual(closed, ["first", "second"]);
  strictEqual(lines.length, 2);
  // It has made room already.
  second![Symbol.dispose]();
  enter("fourth");
  deepStrictEqual(closed, ["first", "second", "third"]);
  strictEqual(links.size, 1);
});

Deno.test("enter() turns away who comes when all have shown what they are", () => {
  const { enter, closed } = open({});
  const links = [enter("first"), enter("second")];
  for (const link of links) link!.keep();
  strictEqual(enter("third"), undefined);
  ok(enter("elsewhere", "192.0.2.2"));
  links[0]![Symbol.dispose]();
  ok(enter("third"));
  deepStrictEqual(closed, []);
});

Deno.test("enter() counts an IPv6 machine as one, and no proxy at all", () => {
  const { links, enter, closed } = open({ max: 1, trusted: new Set(["192.0.2.9", "2001:db8::9"]) });
  enter("first", "2001:db8::1");
  enter("second", "2001:db8::2");
  deepStrictEqual(closed, ["first"]);
  for (const proxy of ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8::9"]) {
    for (let nth = 0; nth < 10; nth++) ok(enter("proxy", proxy));
  }
  deepStrictEqual(closed, ["first"]);
  strictEqual(links.size, 1);
});

Deno.test("enter() lets as many more in as are expected from there", () => {
  const { enter, closed } = open({ more: (key) => key === "192.0.2.1" ? 3 : 0 });
  for (const name of ["a", "b", "c", "d", "e"]) enter(name);
  for (const name of ["x", "y", "z"]) enter(name, "192.0.2.2");
  deepStrictEqual(closed, ["x"]);
});

Deno.test("without a limit, and after the last has left, nothing is kept", () => {
  const { links, enter } = open({ max: 0 });
  for (let nth = 0; nth < 100; nth++) ok(enter("any"));
  strictEqual(links.size, 0);
  const limited = open({ max: 5 });
  const all = ["a", "b", "c"].map((name) => limited.enter(name));
  strictEqual(limited.links.size, 1);
  for (const link of all) {
    link![Symbol.dispose]();
    link![Symbol.dispose]();
  }
  strictEqual(limited.links.size, 0);
});
