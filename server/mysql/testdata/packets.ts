/**
 * Packets as real programs sent them, and arbitrary ones, for tests.
 *
 * @module
 */

import fc from "fast-check";
import { CAN } from "../capabilities.ts";
import type { Greeting } from "../greeting.ts";
import type { Response } from "../response.ts";

/** The greeting of MariaDB 10.11. */
export const MARIADB: Uint8Array = Uint8Array.fromHex(
  "640000000a352e352e352d31302e31312e31392d4d6172696144422d302b64656231327531001200000067216971" +
    "7a342f3100fef7080200ff81150000000000001d0000004855527a342f314549216456006d7973716c5f6e617469" +
    "76655f70617373776f726400",
);
/** The greeting of MySQL 9.7. */
export const MYSQL: Uint8Array = Uint8Array.fromHex(
  "4b0000000a392e372e342d320013000000030d0c0d0b01531100fff7ff0200ff9f15000000000000000000003b2a" +
    "09371645430b484a73690063616368696e675f736861325f70617373776f726400",
);
/** The answer of MariaDB's client to {@link MARIADB}, for user `app` and database `shop`. */
export const MARIADB_CLIENT: Uint8Array = Uint8Array.fromHex(
  "d40000018ca2bf000000100021000000000000000000000000000000000000001d00000061707000143747afd9f8" +
    "d74a0bf6295e1537848dbe6de2e33873686f70006d7973716c5f6e61746976655f70617373776f7264007f035f6f" +
    "73054c696e75780c5f636c69656e745f6e616d650a6c69626d617269616462045f7069640532323231360f5f636c" +
    "69656e745f76657273696f6e06332e332e3230095f706c6174666f726d067838365f36340c70726f6772616d5f6e" +
    "616d65056d7973716c0c5f7365727665725f686f7374093132372e302e302e31",
);
/** The answer of mysql2 to {@link MYSQL}, likewise. */
export const MYSQL2: Uint8Array = Uint8Array.fromHex(
  "92000001cff3ba1800000000e00000000000000000000000000000000000000000000000617070002049fbd5843b" +
    "6d9b69dc11e1fe61ae87e79c7bc6c59a325ca3b3c0af90413b24f973686f700063616368696e675f736861325f70" +
    "617373776f726400310c5f636c69656e745f6e616d650c4e6f64652d4d7953514c2d320f5f636c69656e745f7665" +
    "7273696f6e06332e32342e36",
);

const flags = fc.nat(0xffffffff);
const name = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 300,
});

/** Greetings of servers that know how to log in. */
export const greetings: fc.Arbitrary<Greeting> = fc.record({
  version: name,
  thread: flags,
  flags: flags.map((bits) => (bits | CAN.secureConnection | CAN.pluginAuth) >>> 0),
  extended: flags,
  scramble: fc.uint8Array({ minLength: 20, maxLength: 20, min: 1 }),
  charset: fc.nat(255),
  status: fc.nat(65535),
  plugin: name,
}).map((one) => ({ ...one, extended: one.flags & CAN.mysql ? 0 : one.extended }));

/** Answers of clients, by their flags. */
export const responses: fc.Arbitrary<Response> = fc.record({
  flags: flags.map((bits) => (bits | CAN.secureConnection) >>> 0),
  maxPacket: flags,
  charset: fc.nat(255),
  filler: fc.uint8Array({ minLength: 19, maxLength: 19 }),
  extended: flags,
  user: name,
  auth: fc.uint8Array({ maxLength: 255 }),
  database: name,
  plugin: name,
  attributes: fc.uint8Array({ maxLength: 1000 }),
  rest: fc.uint8Array({ maxLength: 5 }),
}).map((one) => ({
  ...one,
  database: one.flags & CAN.connectWithDb ? one.database : "",
  plugin: one.flags & CAN.pluginAuth ? one.plugin : "",
  attributes: one.flags & CAN.connectAttrs ? one.attributes : new Uint8Array(0),
}));
