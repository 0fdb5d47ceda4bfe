/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * The server in numbers, and its traffic.
 *
 * @module
 */

import type { JSX } from "preact";
import { TrafficChart } from "./chart.tsx";
import { bytes, count, delay, rate } from "./format.ts";
import { useStore } from "./store.ts";

/** The card at the top. */
export function Overview(): JSX.Element | null {
  const { second, history } = useStore();
  if (second === undefined) return null;
  const waiting = second.waiting === 0 ? "nobody waits" : `${count(second.waiting)} wait`;
  return (
    <section class="card overview" aria-label="Overview">
      <div class="traffic">
        <div class="head">
          <h2>Traffic</h2>
          <dl class="legend">
            <div>
              <dt>
                <i class="key down" />Down
              </dt>
              <dd>{rate(second.down_bytes_per_second)}</dd>
            </div>
            <div>
              <dt>
                <i class="key up" />Up
              </dt>
              <dd>{rate(second.up_bytes_per_second)}</dd>
            </div>
          </dl>
        </div>
        <TrafficChart rates={history} />
      </div>
      <dl class="numbers">
        <Tile name="Clients" value={count(second.clients)} note="online" />
        <Tile
          name="Visitors"
          value={count(second.visitors)}
          note={`${count(second.served)} before`}
        />
        <Tile
          name="Warm tunnels"
          value={count(second.idle_tunnels)}
          note={waiting}
          bad={second.waiting > 0}
        />
        <Tile name="Wait for a tunnel" value={delay(second.wait_p95_ms)} note="95th percentile" />
        <Tile
          name="Data"
          value={bytes(second.down_bytes + second.up_bytes)}
          note="since the start"
        />
        <Tile
          name="Memory"
          value={bytes(second.memory_bytes)}
          note={`CPU ${Math.round(second.cpu * 100)} %, lag ${delay(second.event_loop_delay_ms)}`}
          bad={second.event_loop_delay_ms > 250}
        />
      </dl>
    </section>
  );
}

function Tile(
  { name, value, note, bad = false }: { name: string; value: string; note: string; bad?: boolean },
): JSX.Element {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        <span class={bad ? "note bad" : "note"}>{note}</span>
      </dd>
    </div>
  );
}
