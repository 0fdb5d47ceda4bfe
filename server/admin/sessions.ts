/**
 * Who has logged in by the page.
 *
 * A session has two halves. One is a cookie that no script can read; but cookies know no ports, so
 * a browser sends it to every other program of that host as well, be it a service behind this very
 * server. So the other half stays with the pages of this port, which send it along as a header.
 * Neither is of use alone, and neither is the key.
 *
 * @module
 */

import { Recent } from "@agentx/common";
import { nameOf, randomSecret, Secret } from "@agentx/common/secret";

/** How long a session lasts that nobody uses, and at most, in milliseconds. */
const IDLE_MS = 24 * 3600_000;
const LAST_MS = 7 * 24 * 3600_000;
/** Sessions at a time; one more ends the one that was used longest ago. */
const MAX_SESSIONS = 100;

/** The two halves of a session. */
export interface Halves {
  cookie: string;
  page: string;
}

interface Session {
  page: Secret;
  began: number;
  used: number;
}

/** Sessions by the digest of their cookie, so that looking one up tells nothing of any. */
export class Sessions {
  #sessions = new Recent<string, Session>(MAX_SESSIONS);

  /** @param now milliseconds of some clock, for tests. */
  constructor(private readonly now: () => number = Date.now) {}

  /** How many there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Begins one. */
  begin(): Halves {
    const halves = { cookie: randomSecret(), page: randomSecret() };
    const now = this.now();
    this.#sessions.set(nameOf(halves.cookie), {
      page: new Secret(halves.page),
      began: now,
      used: now,
    });
    return halves;
  }

  /** Whether there is such a session; then it counts as used. */
  check({ cookie, page }: Partial<Halves>): boolean {
    if (cookie === undefined || page === undefined) return false;
    const name = nameOf(cookie);
    const session = this.#sessions.peek(name);
    if (!session?.page.is(page)) return false;
    const now = this.now();
    if (now - session.used > IDLE_MS || now - session.began > LAST_MS) {
      this.#sessions.delete(name);
      return false;
    }
    this.#sessions.set(name, { ...session, used: now });
    return true;
  }

  /** Ends one. */
  end({ cookie }: Partial<Halves>): void {
    if (cookie !== undefined) this.#sessions.delete(nameOf(cookie));
  }
}
