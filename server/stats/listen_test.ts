import { deepStrictEqual, rejects } from "node:assert/strict";
import type { Conn, Listen } from "@agentx/common";
import { counted } from "./listen.ts";
import { Tally } from "./tally.ts";

Deno.test("counted() counts accepts that fail, and none that was only hung up or closed", async () => {
  const outcomes: (Conn | Error)[] = [
    new Error("Too many open files (os error 24)"),
    new Deno.errors.ConnectionAborted("hung up"),
    {} as Conn,
    new Deno.errors.BadResource("closed"),
  ];
  const listen: Listen = (address) => ({
    address,
    accept: () => {
      const next = outcomes.shift()!;
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    close: () => {},
  });
  const errors = new Tally();
  const listener = counted(listen, "public", errors)({ hostname: "127.0.0.1", port: 1 });
  await rejects(listener.accept(), /Too many/);
  await rejects(listener.accept(), Deno.errors.ConnectionAborted);
  await listener.accept();
  await rejects(listener.accept(), Deno.errors.BadResource);
  deepStrictEqual([...errors], [[["public"], 1]]);
});
