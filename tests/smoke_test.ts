import { peerTest } from "./peers.ts";
import { startClient, startServer, WHOLE_PROGRAM } from "./helpers.ts";
import { equal } from "node:assert/strict";

peerTest(
  { name: "a visitor reaches a service by its token", permissions: WHOLE_PROGRAM },
  async () => {
    await using service = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => new Response(`you asked for ${new URL(request.url).pathname}`),
    );
    await using server = await startServer();
    await using _client = await startClient({ server, id: "my-app", port: service.addr.port });
    const response = await fetch(`${server.url}/?token=my-app/hello`);
    equal(await response.text(), "you asked for /hello");
  },
);
