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

import { createHash, timingSafeEqual } from "node:crypto";

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
  page: Uint8Array;
  began: number;
  used: number;
}

/** Sessions by the digest of their cookie, so that looking one up tells nothing of any. */
export class Sessions {
  #sessions = new Map<string, Session>();

  /** @param now milliseconds of some clock, for tests. */
  constructor(private readonly now: () => number = Date.now) {}

  /** How many there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Begins one. */
  begin(): Halves {
    const halves = { cookie: random(), page: random() };
    const now = this.now();
    this.#sessions.set(digest(halves.cookie).toString("hex"), {
      page: digest(halves.page),
      began: now,
      used: now,
    });
    for (const [oldest] of this.#sessions) {
      if (this.#sessions.size <= MAX_SESSIONS) break;
      this.#sessions.delete(oldest);
    }
    return halves;
  }

  /** Whether there is such a session; then it counts as used. */
  check({ cookie, page }: Partial<Halves>): boolean {
    if (cookie === undefined || page === undefined) return false;
    const name = digest(cookie).toString("hex");
    const session = this.#sessions.get(name);
    if (session === undefined || !timingSafeEqual(session.page, digest(page))) return false;
    const now = this.now();
    this.#sessions.delete(name);
    if (now - session.used > IDLE_MS || now - session.began > LAST_MS) return false;
    session.used = now;
    this.#sessions.set(name, session); // the last used stands last
    return true;
  }

  /** Ends one. */
  end({ cookie }: Partial<Halves>): void {
    if (cookie !== undefined) this.#sessions.delete(digest(cookie).toString("hex"));
  }
}

function random(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
