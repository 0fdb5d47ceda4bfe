/**
 * A program that owns sessions, to be killed. It starts a session with a prompt, and shows it to a
 * viewer, who is its standard output. Arguments: folder, prompt, messages that wait.
 *
 * @module
 */

import { streamSession } from "../stream.ts";
import { TestBed } from "./executor.ts";

const [folder, prompt, ...waiting] = Deno.args;
const bed = new TestBed(folder!);
const session = await bed.start(prompt!);
for (const message of waiting) session.send({ prompt: message });
await streamSession(session, { from: 1, as: "sse", format: "raw" }).pipeTo(Deno.stdout.writable);
