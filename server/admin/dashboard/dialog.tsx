/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * A dialog of the platform's: it takes the focus, and gives it back; Escape and a click beside it
 * close it.
 *
 * @module
 */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** What a dialog shows, and who hears of its end. */
export interface DialogProps {
  class: string;
  label: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** Shows a dialog above the page for as long as it is there. */
export function Dialog({ class: name, label, onClose, children }: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={name}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === ref.current && onClose()}
    >
      <div class="inside">{children}</div>
    </dialog>
  );
}
