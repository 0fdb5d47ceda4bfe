/**
 * `arpc` looks at its service and tells the server whether it speaks first: real services, early,
 * late, and not there yet.
 *
 * @module
 */

import { equal, ok } from "node:assert/strict";
import { accepts, Daemon, Scratch } from "./daemons.ts";
import { type Program, startClient, startServer, WHOLE_PROGRAM } from "./helpers.ts";
import { peer, peerTest } from "./peers.ts";
import { Wire } from "./http_wire.ts";
import { frame, HeldService, readFrame, visit } from "./raw_peers.ts";
import { RawService } from "./services.ts";
import { SSH_PEERS, startSshd } from "./sshd.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
const mariadbd = peer("mariadbd", "apt-get install mariadb-server");
const installDb = peer("mariadb-install-db", "apt-get install mariadb-server");

/** What the server knows of its `nth` registration. */
async function known(server: Program, nth = 1): Promise<unknown> {
  const lines = await server.messages("Client registered", nth);
  return lines.at(-1)!.properties.service;
}

peerTest({ name: "service: ssh is declared", permissions, peers: SSH_PEERS }, async () => {
  await using sshd = await startSshd();
  await using server = await startServer();
  await using client = await startClient({ server, id: "app", port: sshd.port });
  equal(await known(server), "ssh");
  equal((await client.message("Registered")).properties.service, "ssh");
});

peerTest(
  { name: "service: MySQL is declared", permissions, peers: [mariadbd, installDb] },
  async () => {
    await using folder = new Scratch();
    const data = `--datadir=${folder.path}/data`;
    await folder.run(installDb.path, ["--no-defaults", data, "--skip-test-db"]);
    const port = freePort();
    await using _daemon = await Daemon.start(
      mariadbd.path,
      [
        ...["--no-defaults", data, `--socket=${folder.path}/socket`],
        ...[`--port=${port}`, "--bind-address=127.0.0.1"],
      ],
      folder,
      () => accepts(port),
    );
    await using server = await startServer();
    await using _client = await startClient({ server, id: "app", port });
    equal(await known(server), "mysql");
  },
);

peerTest({ name: "service: the web declares nothing, and is let go", permissions }, async () => {
  // It serves one connection after another.
  let busy = Promise.resolve();
  await using service = new RawService(async (wire) => {
    const before = busy;
    const { promise, resolve } = Promise.withResolvers<void>();
    busy = promise;
    await before;
    try {
      await wire.request();
      await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    } finally {
      resolve();
    }
  });
  await using server = await startServer();
  await using _client = await startClient({ server, id: "app", port: service.port });
  equal(await known(server), undefined);
  equal(service.connections, 1);
  equal((await visit(server.publicPort, "/?token=app")).body, "hello");
  equal(service.connections, 2);
});

peerTest({ name: "service: one that was told of is left alone", permissions }, async () => {
  await using service = new RawService((wire) => wire.send("SSH-2.0-told\r\n"));
  await using server = await startServer();
  const flags = ["--service", "mysql"];
  await using _client = await startClient({ server, id: "app", port: service.port, flags });
  equal(await known(server), "mysql");
  equal(service.connections, 0);
});

peerTest({ name: "service: one that speaks late is declared late", permissions }, async () => {
  const speak = Promise.withResolvers<void>();
  await using service = new RawService(async (wire) => {
    await speak.promise;
    await wire.send("SSH-2.0-late\r\n");
    await wire.last();
  });
  await using server = await startServer();
  await using client = await startClient({ server, id: "app", port: service.port });
  equal(await known(server), undefined);
  speak.resolve();
  equal(await known(server, 2), "ssh");
  await client.messages("Registered", 2);
  ok(!client.logs.some(({ level }) => level === "warning"), client.stderr);
  ok(!server.logs.some(({ message }) => message === "Client replaced by a new registration"));
});

peerTest(
  { name: "service: one that was down is declared once it is up", permissions },
  async () => {
    const port = freePort();
    await using server = await startServer(["--on-duplicate", "reject"]);
    await using client = await startClient({ server, id: "app", port });
    equal(await known(server), undefined);
    await client.message("The service is not up yet");
    await using _service = new RawService(async (wire) => {
      await wire.send("220 mail.example ESMTP\r\n");
      await wire.last();
    }, port);
    equal(await known(server, 2), "smtp");
    await client.messages("Registered", 2);
    equal(client.logs.filter(({ level }) => level === "warning").length, 0, client.stderr);
  },
);

peerTest({ name: "service: --db-user is declared, and only if given", permissions }, async () => {
  await using service = new HeldService();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = { controlPort: listener.addr.port, proxyPort: listener.addr.port };
  for (const [flags, user] of [[[], undefined], [["--db-user", "alice"], "alice"]] as const) {
    await using client = await startClient({
      server,
      id: "app",
      port: service.port,
      flags,
      eager: true,
    });
    using wire = new Wire(await listener.accept());
    const { Register } = JSON.parse((await readFrame(wire))!);
    equal(Register.db_user, user);
    equal("service" in Register || "greeting" in Register, false);
    await wire.send(frame(`{"RegisterResult":{"success":true,"error":null}}`));
    await client.message("Registered");
  }
});
