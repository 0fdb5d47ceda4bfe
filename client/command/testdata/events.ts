/**
 * Server-sent events as a test reads them.
 *
 * @module
 */

/** One event; its data parsed. */
export interface Heard {
  event: string;
  // deno-lint-ignore no-explicit-any -- any data
  data: any;
  id?: string;
}

/** The events of an answer, as they come; comments and what has no data are left out. */
export async function* heard(response: Response): AsyncGenerator<Heard> {
  let rest = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split("\n").filter((line) => !line.startsWith(":"))
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      if (fields.data === undefined) continue;
      const { event = "message", id, data } = fields;
      yield { event, data: JSON.parse(data), ...(id === undefined ? {} : { id }) };
    }
  }
}
