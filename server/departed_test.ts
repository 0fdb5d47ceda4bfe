import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DepartedClients } from "./departed.ts";

const MINUTE = 60_000;

/** A client with so many visitors. */
function client(id: string, visitors = 0) {
  return { id, tag: `#${id}`, tokens: [id, `${id}-alias`], peer: "192.0.2.1:9", visitors };
}

/** A grant until it is taken back. */
function lease() {
  const state = { why: undefined as string | undefined, ports: [] as (number | undefined)[] };
  const grant = {
    mayOpen: () => true,
    withdrawn: (port?: number) => {
      state.ports.push(port);
      return state.why;
    },
  };
  return { grant, state };
}

Deno.test("one that left is found by its tag, with all its names, for ten minutes", () => {
  const departed = new DepartedClients();
  departed.add(client("a"), undefined, 0);
  departed.add(client("b"), undefined, 0);
  deepStrictEqual(departed.of("#a").map(({ tokens }) => tokens), [["a", "a-alias"]]);
  departed.delete("b");
  deepStrictEqual(departed.of("#b"), []);
  departed.expire(10 * MINUTE);
  strictEqual(departed.size, 1);
  departed.expire(10 * MINUTE + 1);
  strictEqual(departed.size, 0);
});

Deno.test("one with visitors is known as long as they are here, and for ten minutes after", () => {
  const departed = new DepartedClients();
  const one = client("a", 1);
  const { grant, state } = lease();
  departed.add(one, { client: one, grant, port: 20_000 }, 0);
  departed.expire(600 * MINUTE);
  deepStrictEqual(departed.withdrawn(), []);
  deepStrictEqual(state.ports, [20_000]);
  state.why = "no more";
  deepStrictEqual(departed.withdrawn().map(([{ id }, why]) => [id, why]), [["a", "no more"]]);
  deepStrictEqual(departed.withdrawn(), [], "it was told");
  one.visitors = 0;
  departed.expire(610 * MINUTE);
  strictEqual(departed.size, 1);
  departed.expire(611 * MINUTE);
  strictEqual(departed.size, 0);
});

Deno.test("without visitors nothing is kept but the names", () => {
  const departed = new DepartedClients();
  const one = client("a");
  const { grant, state } = lease();
  departed.add(one, { client: one, grant, port: undefined }, 0);
  departed.expire(1);
  state.why = "no more";
  deepStrictEqual(departed.withdrawn(), []);
  deepStrictEqual(departed.of("#a").map(({ leave }) => leave), [undefined]);
});

Deno.test("a thousand that left are remembered, beside those with visitors", () => {
  const departed = new DepartedClients();
  const { grant } = lease();
  for (let nth = 0; nth < 2000; nth++) {
    const one = client(`${nth}`, nth < 10 ? 1 : 0);
    departed.add(one, { client: one, grant, port: undefined }, nth);
  }
  departed.expire(2000);
  strictEqual(departed.size, 1010);
  deepStrictEqual(["#0", "#10", "#999", "#1999"].map((tag) => departed.of(tag).length), [
    1,
    0,
    0,
    1,
  ]);
});
