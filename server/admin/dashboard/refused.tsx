/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * What was turned away, and how often.
 *
 * @module
 */

import type { JSX } from "preact";
import { count, span } from "./format.ts";
import { useStore } from "./store.ts";
import { refusalWords } from "./trouble.ts";

/** The latest first. */
export function Refused(): JSX.Element {
  const { refusals, second } = useStore();
  const now = second?.now ?? 0;
  if (refusals.length === 0) {
    return <p class="empty">Nobody has been refused since this server started.</p>;
  }
  return (
    <ol class="events scroll" role="list" tabIndex={0} aria-labelledby="events">
      {refusals.map(({ kind, what, count: times, lately, at }) => (
        <li key={`${kind} ${what}`}>
          <i class={`mark ${lately > 0 ? "warn" : "soft"}`} />
          <span class="times">{count(times)}×</span>
          <span>
            {refusalWords({ kind, what })}
            <span class="soft small">
              {lately > 0 ? `${count(lately)}× in 5 min, the last` : "the last"} {span(now - at)}
              {" "}
              ago{kind === "visitor" && ` · ${what}`}
            </span>
          </span>
        </li>
      ))}
    </ol>
  );
}
