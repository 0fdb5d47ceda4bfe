/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * A command, and a button that copies it.
 *
 * @module
 */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

/** For so long the button says what it did, in milliseconds. */
const SAYS_MS = 2000;

/** Shows the whole command, however narrow the page is. */
export function Command({ text }: { text: string }): JSX.Element {
  const ref = useRef<HTMLElement>(null);
  const [says, say] = useState("Copy");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      // Only a page that came by TLS, or from this machine, may.
      getSelection()?.selectAllChildren(ref.current!);
      say("Selected");
    }
    setTimeout(() => say("Copy"), SAYS_MS);
  };
  return (
    <div class="command">
      <pre><code ref={ref}>{text}</code></pre>
      <button type="button" aria-live="polite" onClick={() => void copy()}>{says}</button>
    </div>
  );
}
