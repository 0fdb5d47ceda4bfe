import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Client } from "../registry.ts";
import { Account } from "../stats/account.ts";
import { clientRow, NUMBERS, numbersRow } from "./rows.ts";

const client = {
  visitors: 3,
  tokens: ["id", "alias"],
  since: 5,
  generation: 2,
  pool: { idle: 4, asked: 1, target: 6, waiting: 2 },
} as unknown as Client;

Deno.test("a short row says the same as the row, name by name", () => {
  const account = new Account("#01234567", "#01234567");
  account.traffic.up = 10;
  account.served = 7;
  account.took(0);
  account.took(2000);
  account.fail(1000);
  account.limit(2000);
  const seen = { account, client, rates: { up: 1.4, down: 2.6, stuckSince: 9 } };
  const row = clientRow(seen);
  const { pool, ...rest } = row;
  const flat: Record<string, unknown> = { ...rest, ...pool };
  const short = numbersRow(seen);
  strictEqual(short.length, NUMBERS.length);
  deepStrictEqual(Object.fromEntries(NUMBERS.map((name, nth) => [name, short[nth]])), {
    ...Object.fromEntries(NUMBERS.map((name) => [name, flat[name]])),
  });
  deepStrictEqual(
    [row.down_bytes_per_second, row.mean_wait_ms, row.failing, row.limited_at, row.stuck_since],
    [3, 2000, 1, 2000, 9],
  );
  deepStrictEqual(pool, { idle: 4, asked: 1, target: 6, waiting: 2 });
});

Deno.test("who has left keeps what it said of itself, and has no tunnels", () => {
  const account = new Account("#01234567", "#01234567");
  account.last = { peer: "192.0.2.1:5", version: "1.2.3", service: "ssh" };
  account.comment = "Alice's laptop";
  account.leave("closed", 1000);
  const { online, version, peer, service, comment, pool, left_at } = clientRow({
    account,
    client: undefined,
    rates: { up: 0, down: 0 },
  });
  deepStrictEqual(
    [online, version, peer, service, comment, left_at],
    [false, "1.2.3", "192.0.2.1:5", "ssh", "Alice's laptop", 1000],
  );
  deepStrictEqual(pool, { idle: 0, asked: 0, target: 0, waiting: 0 });
});

Deno.test("a service that serves again fails no more, and its failures still count", () => {
  const account = new Account("#01234567", "#01234567");
  account.fail();
  account.fail();
  account.serve();
  deepStrictEqual([account.failing, account.failed], [0, 2]);
});
