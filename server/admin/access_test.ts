import { doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { Access, type Asking, COOKIE, Denied, PAGE_HEADER } from "./access.ts";

const KEY = "correct-horse";

function asking(headers: Record<string, string>, method = "GET", address = "192.0.2.1"): Asking {
  return { method, headers: new Headers(headers), address };
}

function denied(status: number) {
  return (error: unknown) => error instanceof Denied && error.status === status;
}

Deno.test("without a key the port answers to names of loopback only", () => {
  const access = new Access(undefined);
  for (
    const host of ["localhost", "Localhost:17009", "127.0.0.1:1", "[::1]:80", "a.localhost.:80"]
  ) {
    doesNotThrow(() => access.checkOrigin(asking({ host })), host);
  }
  for (
    const host of ["", "evil.example", "localhost.evil.example:17009", "127.0.0.1.evil.example"]
  ) {
    throws(() => access.checkOrigin(asking({ host })), denied(403), host);
  }
  throws(() => access.checkOrigin(asking({})), denied(403));
  doesNotThrow(() => access.checkKey(asking({})));
  // A key is known to nobody but its owner, so any name will do.
  doesNotThrow(() => new Access(KEY).checkOrigin(asking({ host: "arps.example" })));
});

Deno.test("a page of another origin can neither change nor ask anything", () => {
  const access = new Access(KEY);
  const host = "127.0.0.1:17009";
  const check = (headers: Record<string, string>, method = "GET") => () =>
    access.checkOrigin(asking({ host, ...headers }, method));
  doesNotThrow(check({ origin: "http://127.0.0.1:17009" }, "POST"));
  doesNotThrow(check({}, "POST"));
  throws(check({ origin: "http://127.0.0.1:17003" }, "POST"), denied(403));
  throws(check({ origin: "null" }, "POST"), denied(403));
  doesNotThrow(check({ "sec-fetch-site": "same-origin" }));
  // Another port of this machine is the same site, and may serve anybody's pages.
  throws(check({ "sec-fetch-site": "same-site" }), denied(403));
  throws(check({ "sec-fetch-site": "cross-site" }), denied(403));
  doesNotThrow(check({ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }));
  throws(
    check({ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, "POST"),
    denied(403),
  );
});

Deno.test("the key opens, and nothing like it", () => {
  const access = new Access(KEY);
  doesNotThrow(() => access.checkKey(asking({ authorization: `Bearer ${KEY}` })));
  doesNotThrow(() => access.checkKey(asking({ authorization: `bearer  ${KEY}` })));
  for (const wrong of [`Bearer ${KEY}x`, "Bearer", `Basic ${KEY}`, KEY, ""]) {
    throws(() => access.checkKey(asking({ authorization: wrong })), denied(401), wrong);
  }
});

Deno.test("a session opens with both halves only", () => {
  const access = new Access(KEY);
  const { cookie, page } = access.login(KEY, "192.0.2.1");
  const both = { cookie: `other=1; ${COOKIE}=${cookie}`, [PAGE_HEADER]: page };
  doesNotThrow(() => access.checkKey(asking(both)));
  throws(() => access.checkKey(asking({ cookie: both.cookie })), denied(401));
  throws(() => access.checkKey(asking({ [PAGE_HEADER]: page })), denied(401));
  access.logout(new Headers(both));
  throws(() => access.checkKey(asking(both)), denied(401));
});

Deno.test("guessing is slowed down, and the owner is not shut out", () => {
  let now = 0;
  const access = new Access(KEY, () => now);
  const { cookie, page } = access.login(KEY, "192.0.2.1");
  let wrong = 0;
  const guess = (key: string, address: string) => () =>
    access.checkKey(asking({ authorization: `Bearer ${key}` }, "GET", address));
  for (; wrong < 1000; wrong++) {
    try {
      guess(`guess-${wrong}`, "192.0.2.1")();
    } catch (error) {
      if (denied(429)(error)) break;
    }
  }
  strictEqual(wrong < 30, true, `${wrong} guesses`);
  // Now the right key is not even compared: else guessing would go on.
  throws(guess(KEY, "192.0.2.1"), denied(429));
  // From elsewhere, and with a session, nothing has changed.
  doesNotThrow(guess(KEY, "192.0.2.2"));
  doesNotThrow(() => {
    access.checkKey(asking({ cookie: `${COOKIE}=${cookie}`, [PAGE_HEADER]: page }));
  });
  now += 60_000;
  doesNotThrow(guess(KEY, "192.0.2.1"));
  // Requests without a key are no guesses.
  for (let nth = 0; nth < 100; nth++) throws(() => access.checkKey(asking({})), denied(401));
  doesNotThrow(guess(KEY, "192.0.2.1"));
});
