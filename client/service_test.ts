import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Dial, dialTcp } from "@agentx/common";
import { concat, FakeConn } from "../common/testdata/conn.ts";
import { netTest, within } from "../common/testdata/gate.ts";
import { look, recogniseService } from "./service.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What MariaDB 10.11 greets with. */
const MARIADB = Uint8Array.fromHex(
  "640000000a352e352e352d31302e31312e31342d4d6172696144422d302b64656231327532001f0000006a3e5b6a2b" +
    "5c5f3c00fef72d0200ff81150000000000001d0000004d7b3b6c453e2f57236b2a5b006d7973716c5f6e6174697665" +
    "5f70617373776f726400",
);
/** Too many connections. */
const MYSQL_ERR = concat([Uint8Array.fromHex("17000000ff1004"), bytes("Too many connections")]);

const GREETINGS: [name: string, said: Uint8Array, service: string][] = [
  ["OpenSSH", bytes("SSH-2.0-OpenSSH_9.2\r\n"), "ssh"],
  ["Postfix", bytes("220 mail.example ESMTP Postfix\r\n"), "smtp"],
  ["a mail server of few words", bytes("220-mail.example\r\n"), "smtp"],
  ["vsftpd", bytes("220 (vsFTPd 3.0.3)\r\n"), "ftp"],
  ["Pure-FTPd", bytes("220---------- Welcome to Pure-FTPd ----------\r\n220-You"), "ftp"],
  ["neither mail nor files", bytes("220 ready\r\n"), "unknown"],
  ["Dovecot's pop3", bytes("+OK Dovecot ready.\r\n"), "pop3"],
  ["Dovecot's imap", bytes("* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"), "imap"],
  ["a VNC server", bytes("RFB 003.008\n"), "vnc"],
  ["telnetd", Uint8Array.of(0xff, 0xfb, 0x01, 0xff, 0xfb, 0x03), "unknown"],
  ["a long story", bytes("hello ".repeat(500)).subarray(0, 1024), "unknown"],
];

Deno.test("recogniseService() knows services by what they say first", () => {
  for (const [name, said, service] of GREETINGS) {
    const found = recogniseService(said);
    ok(found !== undefined && found !== "more", name);
    strictEqual(found.service, service, name);
    ok(said.length >= found.greeting!.length && found.greeting!.length > 0, name);
  }
});

Deno.test("recogniseService() takes a line, and of MySQL exactly one packet", () => {
  const ssh = recogniseService(bytes("SSH-2.0-OpenSSH_9.2\r\n\x00\x00\x01"));
  deepStrictEqual(ssh, { service: "ssh", greeting: bytes("SSH-2.0-OpenSSH_9.2\r\n") });
  const more = concat([MARIADB, bytes("more")]);
  deepStrictEqual(recogniseService(more), { service: "mysql", greeting: MARIADB });
  deepStrictEqual(recogniseService(MYSQL_ERR), { service: "mysql" });
});

Deno.test("recogniseService() comes to the same however the bytes come", () => {
  const all = [...GREETINGS.map(([, said]) => said), MARIADB, MYSQL_ERR];
  for (const said of all) {
    const whole = recogniseService(said);
    for (let size = 1; size < said.length; size++) {
      const found = recogniseService(said.subarray(0, size), false);
      if (found === "more") continue;
      strictEqual(found?.service, (whole as { service: string }).service);
      break;
    }
  }
  for (let size = 0; size < MARIADB.length; size++) {
    strictEqual(recogniseService(MARIADB.subarray(0, size), false), "more");
  }
});

Deno.test("recogniseService() takes silence, and a web service's complaint of it, for none", () => {
  strictEqual(recogniseService(new Uint8Array()), undefined);
  strictEqual(recogniseService(new Uint8Array(), false), "more");
  strictEqual(
    recogniseService(bytes("HTTP/1.0 408 Request Time-out\r\nConnection: close\r\n\r\n")),
    undefined,
  );
  strictEqual(recogniseService(bytes("HTTP/1."), false), "more");
});

Deno.test("recogniseService() takes what only begins like MySQL for unknown", () => {
  for (const hex of ["5a0000000a35", "5a000000", "5a", "5a000001ff0000", "ffffff000a352e", "00"]) {
    const said = Uint8Array.fromHex(hex);
    deepStrictEqual(recogniseService(said), { service: "unknown", greeting: said }, hex);
  }
});

const NEVER = new AbortController().signal;
const LOCAL = { hostname: "127.0.0.1", port: 9 };
const to = (conn: FakeConn): Dial => () => Promise.resolve(conn);

Deno.test("look() hangs up in order on a service that spoke", async () => {
  const conn = new FakeConn(MARIADB.subarray(0, 3), MARIADB.subarray(3, 50), MARIADB.subarray(50));
  conn.end();
  const found = await look(LOCAL, { dial: to(conn), signal: NEVER });
  deepStrictEqual(found, { service: "mysql", greeting: MARIADB });
  ok(conn.ended && conn.closed);
  strictEqual(conn.written.length, 0);
});

Deno.test("look() takes no more than a kilobyte of what is said", async () => {
  const conn = new FakeConn(bytes("x".repeat(100_000))).end();
  const found = await look(LOCAL, { dial: to(conn), signal: NEVER });
  strictEqual(found?.greeting?.length, 1024);
});

Deno.test("look() gives up on a silent service, and when it is told to", async () => {
  const silent = new FakeConn();
  const found = await look(LOCAL, { dial: to(silent), signal: NEVER, patience: 5 });
  strictEqual(found, undefined);
  ok(silent.closed);

  const stop = new AbortController();
  const conn = new FakeConn();
  const looking = look(LOCAL, { dial: to(conn), signal: stop.signal });
  setTimeout(() => stop.abort(), 5);
  strictEqual(await within(5000, "the end of the look", looking), undefined);
  ok(conn.closed);
});

Deno.test("look() finds nothing where the service hangs up, and throws where there is none", async () => {
  const reset = new Deno.errors.ConnectionReset("reset");
  for (const conn of [new FakeConn().end(), new FakeConn().fail(reset)]) {
    strictEqual(await look(LOCAL, { dial: to(conn), signal: NEVER }), undefined);
    ok(conn.closed);
  }
  const refused = new Deno.errors.ConnectionRefused("refused");
  const dial = () => Promise.reject(refused);
  await rejects(look(LOCAL, { dial, signal: NEVER }), refused);
});

netTest("look() ends its connection without a reset", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const service = async () => {
    using conn = await listener.accept();
    await conn.write(bytes("RFB 003.008\n"));
    // It goes on talking, as one does that has not noticed yet.
    await conn.write(bytes("and more"));
    return await conn.read(new Uint8Array(10));
  };
  const serving = service();
  const local = { hostname: "127.0.0.1", port: listener.addr.port };
  const found = await look(local, { dial: dialTcp, signal: NEVER });
  strictEqual(found?.service, "vnc");
  strictEqual(await within(5000, "the end of the stream", serving), null);
});
