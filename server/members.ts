/**
 * The clients that are here, or have left visitors behind, by what right, and how each is sent away.
 *
 * @module
 */

import { getLogger, type RegisterResult, tag } from "@agentx/common";
import type { Grant } from "./auth/mod.ts";
import { Bans, SENT_AWAY } from "./bans.ts";
import { type Departed, DepartedClients } from "./departed.ts";
import { LASTING_S, RegistrationError } from "./registration_error.ts";
import type { Client, Registry } from "./registry.ts";
import type { RemotePorts } from "./remote.ts";

const log = getLogger(["arps", "control"]);

/** How this side ends a registration, and what is logged of that. */
const DISMISSALS = {
  kicked: ["info", "Client kicked"],
  withdrawn: ["warning", "Client may be here no more"],
  replaced: ["info", "Client replaced by a new registration"],
} as const;

/** All of them. */
export class Members {
  #bans = new Bans();
  /** What the clients online may do, and the port that each has of its own. */
  #grants = new Map<Client, { grant: Grant; port: number | undefined }>();
  /** Those that left, and may have left visitors behind. */
  #departed = new DepartedClients();

  /** @param withdrawn hears of a client that may be here no more, and was told so. */
  constructor(
    private readonly registry: Registry,
    private readonly remotePorts: RemotePorts,
    private readonly withdrawn: (client: Client | Departed) => void,
  ) {}

  /**
   * Whether a client may enter, now.
   *
   * @throws {RegistrationError} when one of its names is banned, or its grant is good no more.
   */
  check(names: readonly string[], grant: Grant, port: number | undefined): void {
    for (const name of names) this.#bans.check(name);
    const why = grant.withdrawn(port);
    if (why !== undefined) throw new RegistrationError(why, LASTING_S, "denied");
  }

  /** A client is registered. */
  enter(client: Client, grant: Grant, port: number | undefined): void {
    this.#grants.set(client, { grant, port });
    this.#departed.delete(client.id);
  }

  /** Every second or so: forgets those that left long ago. */
  expire(): void {
    this.#departed.expire();
  }

  /**
   * Sends clients away, also those that left, for whom there may still be visitors.
   *
   * @param name the tag of their ids.
   * @param seconds for so long they may not register again.
   * @returns those that were known under that tag: nearly always one.
   */
  kick(name: string, seconds: number): (Client | Departed)[] {
    const departed = this.#departed.of(name);
    for (const client of departed) {
      if (seconds > 0) this.#bans.set(client.tokens, seconds);
      client.leave = undefined;
      log.info("Client kicked that had left", { client: name, peer: client.peer, ban_s: seconds });
    }
    const kicked = [...this.registry.clients].filter((client) => client.tag === name);
    for (const client of kicked) {
      if (seconds > 0) this.#bans.set(client.tokens, seconds);
      const ban = { error: `${SENT_AWAY} for a while`, retry_s: seconds };
      this.dismiss(client, "kicked", seconds > 0 ? ban : { error: SENT_AWAY });
    }
    return [...kicked, ...departed];
  }

  /** Bans in force: the tag of each client, and the seconds that are left. */
  bans(): Promise<[tag: string, seconds: number][]> {
    return Promise.all(Array.from(
      this.#bans.inForce(),
      async ([id, seconds]): Promise<[string, number]> => [await tag(id), seconds],
    ));
  }

  /**
   * Lifts the ban of a client.
   *
   * @param name the tag of its id.
   * @returns whether there was one.
   */
  async liftBan(name: string): Promise<boolean> {
    let lifted = false;
    for (const [id] of [...this.#bans.inForce()]) {
      if (await tag(id) !== name) continue;
      this.#bans.set([id], 0);
      lifted = true;
      log.info("Ban lifted", { client: name });
    }
    return lifted;
  }

  /** Sends away whom the owner of the server wants here no more. */
  recheck(): void {
    for (const [departed, why] of this.#departed.withdrawn()) {
      const { tag, peer } = departed;
      log.warning("Client that left may be here no more", { client: tag, peer, why });
      this.withdrawn(departed);
    }
    for (const [client, { grant, port }] of this.#grants) {
      const why = grant.withdrawn(port);
      if (why === undefined) continue;
      this.dismiss(client, "withdrawn", { error: why, retry_s: LASTING_S });
      this.withdrawn(client);
    }
  }

  /**
   * A client is here no more.
   *
   * @param stay whether its visitors may, for as long as it has its grant.
   */
  leave(client: Client, stay = true): void {
    const allowed = this.#grants.get(client);
    this.#grants.delete(client);
    this.registry.unregister(client);
    this.remotePorts.release(client);
    // Not one that was replaced, and each once.
    if (allowed === undefined || this.registry.find(client.id)?.id === client.id) return;
    this.#departed.add(client, stay ? { client, ...allowed } : undefined);
  }

  /**
   * Ends a registration: its client is told why, as far as it understands that, and its link is closed.
   * What is to become of its visitors is for the caller to say.
   */
  dismiss(
    client: Client,
    ending: keyof typeof DISMISSALS,
    said: { error: string } & Pick<RegisterResult, "retry_s">,
  ): void {
    const { tag, peer, channel, generation } = client;
    const [level, message] = DISMISSALS[ending];
    client.ending = ending;
    this.leave(client, false);
    log[level](message, { client: tag, peer, why: said.error, retry_s: said.retry_s });
    if (generation === 2) channel.send({ type: "RegisterResult", success: false, ...said });
    void channel.end();
  }
}
