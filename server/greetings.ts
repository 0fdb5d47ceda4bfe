/**
 * Visitors that say nothing: some protocols have the server speak first, so somebody must, and no
 * browser that only opened a connection ahead may hear it.
 *
 * @module
 */

import { header, type RequestHead } from "@agentx/common/http";
import { isNavigation } from "./http/forward.ts";
import { Lately } from "./lately.ts";
import type { Registry } from "./registry.ts";
import { type Greeter, GREETERS, type Greeting } from "./sniff/mod.ts";
import type { Visitor } from "./visitor.ts";

/** How long before it opens connections ahead a browser was seen, in milliseconds. */
const BROWSING_MS = 3000;

/** Who is greeted, and how. */
export class Greetings {
  readonly #greeters: readonly Greeter[] = GREETERS.map((make) => make());
  /** Addresses at which a browser opens connections: it loads a page, or just used a new one. */
  readonly #browsers = new Lately(BROWSING_MS);
  /** Visitors that asked for something. */
  readonly #met = new WeakSet<Visitor>();

  /** @param defaultClient of visitors that bring no token. */
  constructor(
    private readonly registry: Pick<Registry, "find" | "speakers">,
    private readonly defaultClient?: string | undefined,
  ) {}

  /** Whether a visitor may have to be spoken to first. */
  get speaksFirst(): boolean {
    return this.registry.speakers.size > 0;
  }

  /** Whether visitors without a token want a service that speaks first, and none that we greet for. */
  get fallbackSpeaksFirst(): boolean {
    if (this.defaultClient === undefined) return false;
    const service = this.registry.find(this.defaultClient)?.service;
    return service !== undefined && !this.#greeters.some((greeter) => greeter.service === service);
  }

  /**
   * Whether a silent visitor may be a connection that a browser opened ahead, and holds for its next
   * request: one at its address opened others shortly before it came, or since.
   */
  mayBeBrowser({ address, since }: Visitor): boolean {
    return this.#browsers.near(address.hostname, since);
  }

  /** A visitor asks for something by HTTP. */
  meet(head: RequestHead, visitor: Visitor): void {
    if (!this.speaksFirst) return;
    // What polls on a connection that it has had for long opens none.
    const opens = !this.#met.has(visitor) || isNavigation(head);
    this.#met.add(visitor);
    // A proxy stands for people who have nothing to do with each other.
    if (!opens || visitor.trusted) return;
    if (header(head, "user-agent")?.startsWith("Mozilla/")) {
      this.#browsers.note(visitor.address.hostname);
    }
  }

  /** What to tell a silent visitor; undefined when no client's service needs that. */
  greet({ address, trusted }: Visitor): Greeting | undefined {
    for (const greeter of this.#greeters) {
      const clients = [...this.registry.speakers].filter(({ service }) =>
        service === greeter.service
      );
      if (clients.length === 0) continue;
      const greetings = clients.map(({ greeting }) => greeting);
      // A proxy stands for people who have nothing to do with each other; and with a default client
      // whoever names nobody wants that one.
      const alone = !trusted && this.defaultClient === undefined;
      return greeter.greet(greetings, alone ? address.hostname : undefined);
    }
    return undefined;
  }
}
