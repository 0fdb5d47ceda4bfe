import { deepStrictEqual, rejects, throws } from "node:assert/strict";
import type { Conn, Listen } from "@agentx/common";
import { counted } from "./listen.ts";
import { Tally } from "./tally.ts";

/** A way to listen whose accepts come to this. */
function listening(outcomes: (Conn | Error)[]): Listen {
  return (address) => ({
    address,
    accept: () => {
      const next = outcomes.shift()!;
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    close: () => {},
  });
}

const ADDRESS = { hostname: "127.0.0.1", port: 1 };
const counts = () => ({ connections: new Tally(), acceptErrors: new Tally() });

Deno.test("counted() counts accepts that fail, and none that was only hung up or closed", async () => {
  const at = counts();
  const listener = counted(
    listening([
      new Error("Too many open files (os error 24)"),
      new Deno.errors.ConnectionAborted("hung up"),
      { close() {} } as Conn,
      new Deno.errors.BadResource("closed"),
    ]),
    "public",
    at,
  )(ADDRESS);
  await rejects(listener.accept(), /Too many/);
  await rejects(listener.accept(), Deno.errors.ConnectionAborted);
  await listener.accept();
  await rejects(listener.accept(), Deno.errors.BadResource);
  deepStrictEqual([...at.acceptErrors], [[["public"], 1]]);
});

Deno.test("counted() counts a connection until it is closed, once", async () => {
  const at = counts();
  /** As the runtime has it: closing it again throws. */
  class Once {
    #open = true;
    close() {
      if (!this.#open) throw new Deno.errors.BadResource("closed");
      this.#open = false;
    }
  }
  const conns = [new Once(), new Once()] as unknown as Conn[];
  const listener = counted(listening(conns), "proxy", at)(ADDRESS);
  const [first] = [await listener.accept(), await listener.accept()];
  deepStrictEqual([...at.connections], [[["proxy"], 2]]);
  first.close();
  throws(() => first.close(), Deno.errors.BadResource);
  deepStrictEqual([...at.connections], [[["proxy"], 1]]);
});
