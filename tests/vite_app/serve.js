// Serves the app in the folder given, with the Vite given, and says on which port. Ends with its
// standard input, so that it never outlives the test that started it.
import { pathToFileURL } from "node:url";
import process from "node:process";

const [vite, root] = process.argv.slice(2);
const { createServer } = await import(pathToFileURL(vite).href);
const server = await createServer({
  root,
  configFile: false,
  logLevel: "error",
  cacheDir: `${root}/.vite`,
  server: { host: "127.0.0.1", port: 0 },
});
await server.listen();
process.stdout.write(`${server.httpServer.address().port}\n`);
process.stdin.resume();
process.stdin.on("end", () => process.exit());
