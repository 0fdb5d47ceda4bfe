/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * The line at the top, and the one below it when the server cannot be reached.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { logout } from "./api.ts";
import { count, span } from "./format.ts";
import { store, useStore } from "./store.ts";

/** Which server it is, how it does, and where it listens. */
export function Header(): JSX.Element {
  const { about, second, link } = useStore();
  const [word, kind] = link.kind === "lost"
    ? ["No connection", "bad"]
    : second?.draining
    ? ["Draining", "warn"]
    : ["Live", "good"];
  return (
    <header class="top">
      <h1>
        <Logo /> arps <small>{about?.version}</small>
      </h1>
      <span class={`pill ${kind}`} role="status">
        <i />
        {word}
      </span>
      <dl class="facts">
        <div>
          <dt>Up</dt>
          <dd>{span((second?.now ?? 0) - (about?.since ?? 0))}</dd>
        </div>
        {second?.certificate_expires !== undefined && (
          <div class={second.certificate_trouble === undefined ? "" : "bad"}>
            <dt>certificate</dt>
            <dd title={new Date(second.certificate_expires).toLocaleString("en-GB")}>
              {left(second.certificate_expires - second.now)}
            </dd>
          </div>
        )}
        {Object.entries(about?.ports ?? {}).map(([name, { port }]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{port}</dd>
          </div>
        ))}
      </dl>
      {about?.needs_key && (
        <button
          type="button"
          class="quiet"
          onClick={() => void logout().then(() => location.reload())}
        >
          Log out
        </button>
      )}
    </header>
  );
}

/** How long something is good for, roughly. */
function left(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  return ms <= 0 ? "expired" : days < 2 ? span(ms) : `${count(days)} d`;
}

/** What ARP does: two ends that meet in the middle. */
export function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M3 17a9 9 0 0 1 18 0" />
      <path d="M8 17a4 4 0 0 1 8 0" />
      <path d="M2 20.5h20" />
    </svg>
  );
}

/** Says that what is shown is old, and when the next try is. */
export function Lost(): JSX.Element | null {
  const { link } = useStore();
  const [, tick] = useState(0);
  const lost = link.kind === "lost";
  useEffect(() => {
    if (!lost) return;
    const timer = setInterval(() => tick((nth) => nth + 1), 500);
    return () => clearInterval(timer);
  }, [lost]);
  if (link.kind !== "lost") return null;
  const left = Math.max(0, Math.ceil((link.until - Date.now()) / 1000));
  return (
    <div class="lost" role="alert">
      <span>
        <b>{link.why}</b> What you see is how it was. Next try{" "}
        {left === 0 ? "now" : <span aria-hidden="true">in {left} s</span>}.
      </span>
      <button type="button" onClick={() => store.retry()}>Try now</button>
    </div>
  );
}
