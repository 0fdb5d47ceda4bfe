import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { remoteUrls, visitorSites, visitorUrls } from "./urls.ts";

const NAME = { serverAddr: "server.example", clientId: "my-app" };

Deno.test("visitorUrls() puts the name that was dialled where the server knows none", () => {
  deepStrictEqual(
    visitorUrls(NAME, ["http://0.0.0.0:8080/?token=my-app", "http://0.0.0.0:8080/?token=alice"]),
    ["http://server.example:8080/?token=my-app", "http://server.example:8080/?token=alice"],
  );
});

Deno.test("visitorUrls() leaves a server's own name alone", () => {
  const told = ["https://my-app.tunnel.example/", "http://10.0.0.0:1/?token=my-app"];
  deepStrictEqual(visitorUrls(NAME, told), told);
});

Deno.test("visitorUrls() guesses for a first generation server, which says nothing", () => {
  deepStrictEqual(visitorUrls(NAME, undefined), ["http://server.example:17003/?token=my-app"]);
  deepStrictEqual(visitorUrls({ ...NAME, clientId: "a:b@c" }, undefined), [
    "http://server.example:17003/?token=a%3Ab%40c",
  ]);
});

Deno.test("visitorUrls() leaves out what is no web address", () => {
  const told = ["nonsense", "javascript:alert(1)", "", "https://a.example/"];
  deepStrictEqual(visitorUrls(NAME, told), ["https://a.example/"]);
});

Deno.test("visitorUrls() puts brackets around an IPv6 address", () => {
  deepStrictEqual(visitorUrls({ ...NAME, serverAddr: "::1" }, ["http://0.0.0.0:80/?token=a"]), [
    "http://[::1]/?token=a",
  ]);
});

Deno.test("visitorSites() has an address for each name, without a token", () => {
  const told = ["https://my-app.tunnel.example/", "http://0.0.0.0:1/?token=b%3Ab", "ftp://x/"];
  const sites = visitorSites({ ...NAME, aliases: ["b:b", "c"] }, told);
  deepStrictEqual([...sites], [
    ["my-app", "https://my-app.tunnel.example/"],
    ["b:b", "http://server.example:1/"],
  ]);
  strictEqual(visitorSites({ ...NAME, aliases: [] }, undefined).size, 0);
});

Deno.test("remoteUrls() is the port under the name that was dialled, if it is one", () => {
  deepStrictEqual(remoteUrls(NAME, 20_000), ["tcp://server.example:20000"]);
  deepStrictEqual(remoteUrls({ serverAddr: "::1" }, 1), ["tcp://[::1]:1"]);
  for (const port of [undefined, 0, -1, 65536, 1.5, NaN]) {
    deepStrictEqual(remoteUrls(NAME, port), [], `${port}`);
  }
});
