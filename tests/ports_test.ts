import { strictEqual as equal } from "node:assert/strict";
import { within } from "./patience.ts";
import { peerTest } from "./peers.ts";
import { freePort } from "./ports.ts";

const MANY = 90;
const script = `import { freePort } from ${JSON.stringify(import.meta.resolve("./ports.ts"))};
  postMessage(Array.from({ length: ${MANY} }, freePort));`;

peerTest({
  name: "freePort() gives no two test files that run side by side the same port",
  permissions: [{ name: "net" }, { name: "read" }],
}, async () => {
  using stack = new DisposableStack();
  const all = await Promise.all([1, 2, 3].map((nth) => {
    const worker = stack.adopt(
      new Worker(`data:text/typescript,${encodeURIComponent(script)}`, { type: "module" }),
      (worker) => worker.terminate(),
    );
    const { promise, resolve, reject } = Promise.withResolvers<number[]>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    return within(20_000, `the ports of worker ${nth}`, promise);
  }));
  const ports = [...all.flat(), ...Array.from({ length: MANY }, freePort)];
  equal(new Set(ports).size, 4 * MANY);
});
