/**
 * Visitors that a fault strikes, and what becomes of them.
 *
 * @module
 */

import { get, latin1, post, status, Wire } from "../http_wire.ts";
import { PATIENCE_MS } from "../patience.ts";
import { noise, sha } from "./bystanders.ts";
import type { CheckedService } from "./service.ts";

/** What a victim went through. */
export type Outcome =
  /** All its bytes came back right, however late. */
  | "served"
  /** Nothing came, and its connection stayed open. */
  | "silence"
  /** Its connection ended, and not a wrong byte came before. */
  | "ended"
  /** An error answer told it that it was not served. */
  | "refused"
  /** Its own bytes came changed, as they do without a tunnel in between. */
  | "spoilt"
  /** Whoever sends is made to wait: nothing piles up in between. */
  | "held back";

/**
 * What a victim does: the first request of its connection, which may be sent twice (a reader's) or
 * not (a writer's); one more request on a connection; or what lasts.
 */
export type Errand = "reader" | "writer" | "request" | "talk" | "download" | "upload";

/** How long nothing must come or move at the least, in milliseconds, to count as silence or as a halt. */
const SILENCE_MS = 700;
/** Less than one buffer on the slowest way. */
const MESSAGE_BYTES = 300;

/**
 * Something else that passes the same programs, begun when called. Once it is over they have had time
 * for whatever was to come first, however slow the machine is.
 */
export type Elsewhere = () => Promise<unknown>;

/** A visitor in trouble. */
export interface Victim extends Disposable {
  /**
   * Goes on under the fault.
   *
   * @param elsewhere tells how long to wait for an answer until there is none, and for something to
   * move; without it an answer may take however long.
   */
  suffer(elsewhere?: Elsewhere): Promise<Outcome>;
}

/**
 * Starts an errand, so far that every connection on its way is there; but for a first request's: they
 * have only dialled. `mark` stands in its request.
 */
export async function setOut(
  errand: Errand,
  port: number,
  mark: string,
  service: CheckedService,
  token = "app",
): Promise<Victim> {
  const wire = await Wire.dial(port);
  try {
    switch (errand) {
      case "reader":
        return new Requester(wire, get(`/page/${mark}?token=${token}`), sha(`page ${mark}`));
      case "writer":
        return new Requester(wire, ...echoed(mark, token));
      case "request":
        return await introduced(new Requester(wire, ...echoed(mark, token)));
      case "talk":
        await wire.send(
          get(`/talk/${mark}?token=${token}`, "Connection: Upgrade", "Upgrade: talk"),
        );
        await headOf(wire, 101);
        return await introduced(new Talker(wire));
      case "download":
        await wire.send(get(`/bulk/${mark}?token=${token}`));
        await headOf(wire, 200);
        return new Downloader(wire, service);
      case "upload":
        await wire.send(
          `POST /sink/${mark}?token=${token} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n`,
        );
        return new Uploader(wire);
    }
  } catch (error) {
    wire[Symbol.dispose]();
    throw error;
  }
}

/** Reads a head, which has to say that it goes well. */
async function headOf(wire: Wire, wanted: number): Promise<void> {
  const head = await wire.until("\r\n\r\n");
  if (status({ start: head }) !== wanted) throw new Error(`before any fault: ${head}`);
}

/** A request to say a body back, and the digest of that. */
function echoed(mark: string, token: string): [text: string, wanted: string] {
  const body = noise(MESSAGE_BYTES);
  return [post(`/echo/${mark}?token=${token}`, body), sha(body)];
}

async function introduced(victim: Victim): Promise<Victim> {
  const outcome = await victim.suffer();
  if (outcome !== "served") throw new Error(`before any fault: ${outcome}`);
  return victim;
}

abstract class Traveller implements Victim {
  constructor(protected readonly wire: Wire) {}

  abstract suffer(elsewhere?: Elsewhere): Promise<Outcome>;

  [Symbol.dispose](): void {
    this.wire[Symbol.dispose]();
  }
}

/** How an exchange ended, if with an error. */
function endOf(error: unknown): Outcome {
  if (
    error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe
  ) return "ended";
  throw error;
}

/** Whatever comes first: an outcome, or enough of silence. */
async function orSilence(outcome: Promise<Outcome>, elsewhere?: Elsewhere): Promise<Outcome> {
  if (elsewhere === undefined) return await outcome;
  // The read that goes on ends with the connection, and nobody cares how.
  outcome.catch(() => {});
  return await Promise.race([outcome, enough(elsewhere).then(() => "silence" as const)]);
}

/** Resolves when time has passed by the clock, and for the programs too. */
async function enough(elsewhere: Elsewhere): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
  // Not beside it: what came in the last moment has to be first here as well.
  await elsewhere();
}

/** Sends one request after another. */
class Requester extends Traveller {
  constructor(wire: Wire, private readonly text: string, private readonly wanted: string) {
    super(wire);
  }

  async suffer(elsewhere?: Elsewhere): Promise<Outcome> {
    return await orSilence(this.#exchange(), elsewhere);
  }

  async #exchange(): Promise<Outcome> {
    try {
      await this.wire.send(this.text);
      const response = await this.wire.response();
      if (!response.start.startsWith("HTTP/1.1 ")) return "spoilt";
      if (status(response) >= 400) return "refused";
      return sha(response.body) === this.wanted ? "served" : "spoilt";
    } catch (error) {
      return endOf(error);
    }
  }
}

/** Talks to the service, message by message. */
class Talker extends Traveller {
  async suffer(elsewhere?: Elsewhere): Promise<Outcome> {
    return await orSilence(this.#exchange(), elsewhere);
  }

  async #exchange(): Promise<Outcome> {
    const message = noise(MESSAGE_BYTES);
    try {
      await this.wire.send(message);
      // Letter by letter: what came before an end must be right as well.
      for (const letter of message) if (await this.wire.take(1) !== letter) return "spoilt";
      return "served";
    } catch (error) {
      return endOf(error);
    }
  }
}

/** Lets an endless answer come and does not read it. */
class Downloader extends Traveller {
  constructor(wire: Wire, private readonly service: CheckedService) {
    super(wire);
  }

  async suffer(elsewhere?: Elsewhere): Promise<Outcome> {
    const { service } = this;
    return await stalls(() => service.blocks, elsewhere) ? "held back" : "served";
  }
}

/** Sends without an end. */
class Uploader extends Traveller {
  async suffer(elsewhere?: Elsewhere): Promise<Outcome> {
    let sent = 0;
    const piece = latin1(noise(16 * 1024));
    const sending = async () => {
      for (;;) sent += await this.wire.conn.write(piece);
    };
    sending().catch(() => {}); // it ends with the connection
    return await stalls(() => sent, elsewhere) ? "held back" : "served";
  }
}

/** Whether a count comes to a halt in time. */
async function stalls(
  count: () => number,
  elsewhere: Elsewhere = () => Promise.resolve(),
): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let last = -1; performance.now() < deadline;) {
    if (count() === last) return true;
    last = count();
    await enough(elsewhere);
  }
  return false;
}
