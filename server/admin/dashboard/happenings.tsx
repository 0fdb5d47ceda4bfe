/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * The card with what happened, who was refused, and who is banned.
 *
 * @module
 */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Bans, useBans } from "./bans.tsx";
import { Events } from "./events.tsx";
import { count } from "./format.ts";
import { Refused } from "./refused.tsx";

const SIDES = ["Events", "Refused", "Bans"] as const;

/** One of the three at a time. */
export function Happenings({ onShow }: { onShow: (tag: string) => void }): JSX.Element {
  const [side, setSide] = useState<typeof SIDES[number]>("Events");
  const [bans, lift] = useBans();
  return (
    <section class="card" aria-labelledby="events">
      <div class="head">
        <h2 id="events">{side}</h2>
        <div class="switch" role="group" aria-label="What is shown">
          {SIDES.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={side === name}
              onClick={() => setSide(name)}
            >
              {name}
              {name === "Bans" && bans.length > 0 && ` ${count(bans.length)}`}
            </button>
          ))}
        </div>
      </div>
      {side === "Events" && <Events onShow={onShow} />}
      {side === "Refused" && <Refused />}
      {side === "Bans" && <Bans bans={bans} onLift={lift} onShow={onShow} />}
    </section>
  );
}
