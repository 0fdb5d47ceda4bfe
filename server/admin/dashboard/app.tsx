/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * What there is on the page, and what there is when it cannot be shown.
 *
 * @module
 */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Attention } from "./attention.tsx";
import { ClientPanel } from "./client_panel.tsx";
import { Clients } from "./clients.tsx";
import { Happenings } from "./happenings.tsx";
import { Header, Lost } from "./header.tsx";
import { KickDialog } from "./kick.tsx";
import { Login } from "./login.tsx";
import { Overview } from "./overview.tsx";
import { useStore } from "./store.ts";
import { Visitors } from "./visitors.tsx";

/** The whole page. */
export function App(): JSX.Element {
  const { link, about, clients } = useStore();
  const [shown, show] = useState<string | undefined>();
  const [leaving, kick] = useState<string | undefined>();
  const [troubled, setTroubled] = useState(false);
  if (link.kind === "locked") return <Login />;
  if (about === undefined) return <Opening why={link.kind === "lost" ? link.why : undefined} />;
  const panel = shown === undefined ? undefined : clients.get(shown);
  return (
    <div class={link.kind === "live" ? "page" : "page stale"}>
      <Header />
      <Lost />
      <main>
        <Attention onShow={show} onTroubled={() => setTroubled(true)} />
        <Overview />
        <Clients onShow={show} onKick={kick} troubled={troubled} onTroubled={setTroubled} />
        <div class="pair">
          <Visitors onShow={show} />
          <Happenings onShow={show} />
        </div>
      </main>
      {panel !== undefined && (
        <ClientPanel
          row={panel}
          onClose={() => show(undefined)}
          onKick={kick}
        />
      )}
      {leaving !== undefined && (
        <KickDialog
          row={clients.get(leaving)}
          tag={leaving}
          onClose={() => kick(undefined)}
        />
      )}
    </div>
  );
}

function Opening({ why }: { why: string | undefined }): JSX.Element {
  return (
    <div class="alone" role="status">
      <p>{why === undefined ? "Connecting to the server…" : why}</p>
      {why !== undefined && <p class="soft">Trying again. Is arps running?</p>}
    </div>
  );
}
