import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { addressKey, peerOf } from "./address.ts";

Deno.test("addressKey() of IPv4 is the address, also within IPv6", () => {
  strictEqual(addressKey("192.0.2.1"), "192.0.2.1");
  strictEqual(addressKey("::ffff:192.0.2.1"), "192.0.2.1");
});

Deno.test("addressKey() of IPv6 is the first 64 bits, however they are written", () => {
  const same = [
    "2001:db8:0:7::1",
    "2001:db8:0:7:ffff:ffff:ffff:ffff",
    "2001:0db8:0000:0007:0:0:0:2",
    "2001:DB8:0:7::192.0.2.1",
  ];
  for (const one of same) strictEqual(addressKey(one), "2001:db8:0:7::/64");
  notStrictEqual(addressKey("2001:db8:0:8::1"), addressKey(same[0]!));
  strictEqual(addressKey("2001:db8::1"), "2001:db8:0:0::/64");
  strictEqual(addressKey("::1"), "0:0:0:0::/64");
  strictEqual(addressKey("::"), "0:0:0:0::/64");
  strictEqual(addressKey("1:2:3:4:5:6:7::"), "1:2:3:4::/64");
  strictEqual(addressKey("::2:3:4:5:6:7:8"), "0:2:3:4::/64");
  strictEqual(addressKey("1::3:4:5:6:192.0.2.1"), "1:0:3:4::/64");
  strictEqual(addressKey("fe80::1%eth0"), "fe80:0:0:0::/64");
});

Deno.test("peerOf() shows an IPv4 peer of a dual-stack listener as what it is", () => {
  const peer = (hostname: string) => peerOf({ remoteAddr: { hostname, port: 9 } });
  deepStrictEqual(peer("::ffff:192.0.2.1"), { hostname: "192.0.2.1", port: 9 });
  deepStrictEqual(peer("2001:db8::1"), { hostname: "2001:db8::1", port: 9 });
});

Deno.test("addressKey() of anything else is harmless", () => {
  for (const odd of ["", ":", ":::", "::1::2", "x:y", "unix"]) {
    strictEqual(typeof addressKey(odd), "string");
  }
});
