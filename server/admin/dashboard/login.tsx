/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * The form that asks for the key.
 *
 * @module
 */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { login } from "./api.ts";
import { Logo } from "./header.tsx";
import { store } from "./store.ts";

/** Asks for the key until it is right. */
export function Login(): JSX.Element {
  const [key, setKey] = useState("");
  const [trouble, setTrouble] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await login(key);
      store.retry();
    } catch (error) {
      setTrouble((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <div class="alone">
      <form class="card login" onSubmit={(event) => void submit(event)}>
        <h1>
          <Logo /> arps
        </h1>
        <label for="key">Admin key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          autofocus
          required
          value={key}
          aria-invalid={trouble !== undefined}
          aria-describedby="trouble"
          onInput={(event) => {
            setKey(event.currentTarget.value);
            setTrouble(undefined);
          }}
        />
        <p id="trouble" class="trouble" role="alert">{trouble}</p>
        <button type="submit" class="primary" disabled={busy || key === ""}>
          {busy ? "Checking…" : "Log in"}
        </button>
        <p class="soft small">
          It is what <code>arps</code> was started with:{" "}
          <code>ARPS_ADMIN_KEY</code>, or what is in the file of <code>--admin-key-file</code>.
        </p>
      </form>
    </div>
  );
}
