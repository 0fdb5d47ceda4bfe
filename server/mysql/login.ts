/**
 * From the greeting that the server made up to the service's own login.
 *
 * The visitor answered a scramble that no service knows. So the service's greeting is read, the
 * visitor is asked to log in again with the scramble in there (`AuthSwitchRequest`, as a server does
 * for a user with another plugin), and its answer goes to the service as if it were the first. From
 * then on the two speak with each other, with two packets more on the visitor's side.
 *
 * ```text
 * visitor                     server                     service
 *    |  <----- greeting ---- 0  |                           |
 *    |  1 --- who, which ---->  |                           |
 *    |                          |  <------- greeting ---- 0 |
 *    |  <-- log in by this - 2  |                           |
 *    |  3 ------ password --->  |  1 - who, password ---->  |
 *    |  <---------- OK ----- 4  |  <----------- OK ----- 2  |
 * ```
 *
 * @see {@link https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html | MySQL: Connection Phase}
 * @module
 */

import { type Duplex, fillOrEnd, latin1, type Source } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import type { ServiceFacts } from "../sniff/mod.ts";
import { CAN, can, choice, misreads } from "./capabilities.ts";
import { type Greeting, parseGreeting } from "./greeting.ts";
import { NATIVE } from "./offer.ts";
import { authSwitchRequest, endsLogin, isErr, refusalPacket } from "./outcome.ts";
import { type Packet, packet, readPacket } from "./packet.ts";
import { formatResponse, type Response } from "./response.ts";

/** How long a service may take to greet, in milliseconds. */
const GREETING_TIMEOUT_MS = 10_000;
/** Longest greeting that is kept for later visitors; about 100 bytes are usual. */
const MAX_GREETING_BYTES = 1024;
/** Packets that the visitor is ahead by. */
const AHEAD = 2;
/** Number of the visitor's first packet, and of its answer with the real password. */
const FIRST = 1;
/** Longest password that fits behind one byte, in bytes. */
const SHORT = 255;

const encoder = new TextEncoder();

/** The login of one visitor. */
export class Login {
  /** Number of the next packet to or from the visitor. */
  #next = FIRST + 1;

  /**
   * @param response the visitor's, without its token and what it was not offered.
   * @param patience for the service's greeting, in milliseconds.
   */
  constructor(
    private readonly response: Response,
    private readonly patience: number = GREETING_TIMEOUT_MS,
  ) {}

  /** The packet that turns the visitor away, with the number it waits for. */
  refuse(refusal: Refusal): Uint8Array {
    return refusalPacket(this.#next, refusal);
  }

  /**
   * Speaks until the service said OK or ERR and the visitor was told, or until the visitor left. No
   * byte behind that is consumed.
   *
   * @returns the service's number of the connection if it said OK.
   * @throws {Refusal} when the two do not get along.
   */
  async run(
    visitor: Duplex,
    service: Duplex,
    facts: ServiceFacts,
  ): Promise<number | undefined> {
    const first = await this.#first(visitor.source, service.source);
    if (first === undefined) return undefined;
    service.source.consume(first.size);
    if (isErr(first.payload)) {
      // It has no room, or does not want the client's host: nobody can say it better.
      await visitor.sink.write(packet(this.#next, first.payload));
      return undefined;
    }
    const greeting = parseGreeting(first.payload);
    if (greeting === undefined || !can(greeting, CAN.protocol41 | CAN.secureConnection)) {
      throw notMysql();
    }
    // Later visitors are greeted by what the service is now.
    if (first.size <= MAX_GREETING_BYTES) facts.greeting = packet(0, first.payload);
    if (misreads(this.response, greeting)) {
      throw new Refusal(
        503,
        "You were greeted for another version of MySQL than this client's",
        "Try again: the version is known now.",
        1,
      );
    }
    const agreed = choice(this.response, greeting);
    const plugin = can(this.response, CAN.pluginAuth) ? greeting.plugin || NATIVE : NATIVE;
    const auth = await this.#ask(visitor, service.source, plugin, greeting);
    if (auth === undefined) return undefined;
    if (auth.length > SHORT && !can(agreed, CAN.lenencAuth)) {
      throw new Refusal(400, "The local service takes no password that long");
    }
    const user = this.response.user || latin1(encoder.encode(facts.dbUser ?? ""));
    const response = formatResponse({ ...this.response, ...agreed, user, auth, plugin });
    await service.sink.write(packet(FIRST, response));
    return await this.#finish(visitor, service) ? greeting.thread : undefined;
  }

  /** The service's first packet; undefined when the visitor left instead. */
  async #first(visitor: Source, source: Source): Promise<Packet | undefined> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(
        new Refusal(
          504,
          `The local service did not greet within ${this.patience / 1000} s, as MySQL does`,
          "Check the client's --local-port.",
        ),
      );
    }, this.patience);
    // Whoever says more has not left.
    const left = fillOrEnd(visitor).then((more) => more ? late.promise : "left" as const);
    left.catch(() => {}); // Perhaps nobody waits for it any more.
    try {
      for (;;) {
        const first = readPacket(source.bytes);
        if (first === "too long" || first !== undefined && first.nth !== 0) throw notMysql();
        if (first !== undefined) return first;
        const said = await Promise.race([fillOrEnd(source), left, late.promise]);
        if (said === "left") return undefined;
        if (said) continue;
        throw source.size > 0
          ? notMysql()
          : new Refusal(502, "The local service hung up instead of a greeting");
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The visitor's password for the service's scramble; undefined when it left instead. */
  async #ask(
    visitor: Duplex,
    service: Source,
    plugin: string,
    { scramble }: Greeting,
  ): Promise<Uint8Array | undefined> {
    await visitor.sink.write(packet(this.#next++, authSwitchRequest(plugin, scramble)));
    const { source } = visitor;
    // What it says meanwhile comes after that; a service that is tired of waiting hangs up.
    const end = fillOrEnd(service).then((more) => more ? new Promise<never>(() => {}) : hungUp());
    end.catch(() => {});
    let answer = whole(source);
    while (answer === undefined) {
      const said = await Promise.race([source.fill(), end]);
      if (said instanceof Refusal) throw said;
      if (!said) return undefined;
      answer = whole(source);
    }
    if (answer.nth !== this.#next) {
      // Without plugins it took the request for an OK, and goes on with a command.
      throw new Refusal(426, "Your MySQL client is too old to log in through a tunnel");
    }
    this.#next++;
    const auth = answer.payload.slice();
    source.consume(answer.size);
    return auth;
  }

  /** Passes packets on, whoever speaks, until the login ended: true if the service said OK. */
  async #finish(visitor: Duplex, service: Duplex): Promise<boolean> {
    // Once for each packet of the service. What has another number is no part of the login: some
    // clients send their first command without waiting for its end.
    let mayAnswer = false;
    for (;;) {
      const said = whole(service.source);
      if (said !== undefined) {
        const { nth, payload, size } = said;
        await visitor.sink.write(packet(nth + AHEAD, payload));
        service.source.consume(size);
        if (endsLogin(payload)) return !isErr(payload);
        this.#next = nth + AHEAD + 1 & 0xff;
        mayAnswer = true;
        continue;
      }
      const answer = mayAnswer ? whole(visitor.source) : undefined;
      if (answer !== undefined) {
        mayAnswer = false;
        if (answer.nth !== this.#next) continue;
        await service.sink.write(packet(answer.nth - AHEAD, answer.payload));
        visitor.source.consume(answer.size);
        this.#next = answer.nth + 1 & 0xff;
        continue;
      }
      const waits = [fillOrEnd(service.source).then((more) => more ? undefined : service)];
      // What it says ahead of its time stays where it is, however much it is.
      if (mayAnswer || visitor.source.size === 0) {
        waits.push(visitor.source.fill().then((more) => more ? undefined : visitor));
      }
      const left = await Promise.race(waits);
      if (left === visitor) return false;
      if (left === service) throw hungUp();
    }
  }
}

/** The packet at hand; undefined while it is not whole. */
function whole(source: Source): Packet | undefined {
  const found = readPacket(source.bytes);
  if (found === "too long") throw new Refusal(400, "A packet of the login is too long");
  return found;
}

function hungUp(): Refusal {
  return new Refusal(502, "The local service hung up during the login");
}

function notMysql(): Refusal {
  return new Refusal(
    502,
    "The local service does not speak MySQL",
    "Check the client's --local-port.",
  );
}
