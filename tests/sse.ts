/**
 * Server-sent events as a strict client reads them: what browsers forgive, this does not.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html | Server-sent events}
 * @module
 */

/** One block of a stream. */
export interface ServerEvent {
  /** `message` when the block names none. */
  event: string;
  /** The lines of its data; empty in a block of comments. */
  data: string;
  id?: string;
  /** In milliseconds. */
  retry?: number;
  /** Its comments, such as a heartbeat is. */
  comment?: string;
}

/**
 * Reads a stream to its end, block by block. A block that was cut off is dropped, as the standard
 * says.
 *
 * @throws on a field that does not exist, an id with a NUL, a `retry` that is no number, and text
 * that is not UTF-8.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<ServerEvent> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))) {
    rest += text;
    // A CR at the end may be the first half of a CRLF.
    const blocks = rest.split(/\r\n\r\n|\n\n|\r\r(?!$)/);
    rest = blocks.pop()!;
    for (const block of blocks) if (block !== "") yield parse(block);
  }
}

function parse(block: string): ServerEvent {
  const data: string[] = [];
  const comments: string[] = [];
  const event: ServerEvent = { event: "message", data: "" };
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line)!;
    switch (name) {
      case "":
        comments.push(value);
        break;
      case "data":
        data.push(value);
        break;
      case "event":
        event.event = value;
        break;
      case "id":
        if (value.includes("\0")) throw new SyntaxError("a NUL in an id");
        event.id = value;
        break;
      case "retry":
        if (!/^\d+$/.test(value)) throw new SyntaxError(`retry: ${value}`);
        event.retry = Number(value);
        break;
      default:
        throw new SyntaxError(`no such field: ${line}`);
    }
  }
  event.data = data.join("\n");
  if (comments.length > 0) event.comment = comments.join("\n");
  return event;
}
