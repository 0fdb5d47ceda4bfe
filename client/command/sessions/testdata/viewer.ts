/**
 * A viewer's side of a stream.
 *
 * @module
 */

import { within } from "../../../../common/testdata/gate.ts";

/** A message of server-sent events. */
export interface Message {
  event?: string;
  data: string;
  id?: string;
}

/** Reads server-sent events as the standard says, comments and `retry` left out. */
export const SSE = {
  read(text: string): Message[] {
    const found: Message[] = [];
    let data: string[] = [];
    let more: Omit<Message, "data"> = {};
    for (const line of text.split(/\r\n|\n|\r/)) {
      const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
      if (line === "") {
        if (data.length > 0) found.push({ ...more, data: data.join("\n") });
        [data, more] = [[], {}];
      } else if (field === "data") data.push(value);
      else if (field === "id" || field === "event") more[field] = value;
    }
    return found;
  },
};

/** Reads NDJSON; empty lines are heartbeats. */
export const NDJSON = {
  read: (text: string): unknown[] =>
    text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)),
};

/** Reads a stream to its end as text. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await within(30_000, "the end of the stream", new Response(stream as BodyInit).text());
}

/** Reads a stream until a text has come; cancels it then. */
export async function readUntil(
  stream: ReadableStream<Uint8Array>,
  text: string,
): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let got = "";
  while (!got.includes(text)) {
    const { done, value } = await within(30_000, `${text} in the stream`, reader.read());
    if (done) throw new Error(`The stream ended without ${text}: ${got.slice(-500)}`);
    got += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return got;
}
