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
import { troubleOf } from "./trouble.ts";

/** From here on the numbers stand beside the chart, in pixels. */
const WIDE = 1120;

/** The card at the top. */
export function Overview(): JSX.Element | null {
  const { second, history, clients, refusals } = useStore();
  if (second === undefined) return null;
  let troubled = 0;
  for (const row of clients.values()) if (troubleOf(row, second.now) !== undefined) troubled++;
  const refused = refusals.reduce(
    (sum, { count, lately }) => ({ count: sum.count + count, lately: sum.lately + lately }),
    { count: 0, lately: 0 },
  );
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
        <TrafficChart rates={history} height={innerWidth > WIDE ? 250 : 190} />
      </div>
      <dl class="numbers">
        <Tile
          name="Clients"
          value={count(second.clients)}
          note={troubled === 0 ? "online" : `${count(troubled)} in trouble`}
          bad={troubled > 0}
        />
        <Tile
          name="Visitors"
          value={count(second.visitors)}
          note={`${count(second.visitors + second.served)} in all`}
        />
        <Tile
          name="Warm tunnels"
          value={count(second.idle_tunnels)}
          note={waiting}
          bad={second.waiting > 0}
        />
        <Tile name="Wait for a tunnel" value={delay(second.wait_p95_ms)} note="95th percentile" />
        <Tile
          name="Refused"
          value={count(refused.lately)}
          note={refused.count === refused.lately
            ? "in 5 minutes"
            : `in 5 minutes, ${count(refused.count)} in all`}
        />
        <Tile
          name="Data"
          value={bytes(second.down_bytes + second.up_bytes)}
          note="since the start"
        />
        <Tile
          name="Memory"
          value={bytes(second.memory_bytes)}
          note="resident"
        />
        <Tile
          name="Processor"
          value={`${Math.round(second.cpu * 100)} %`}
          note={`lag ${delay(second.event_loop_delay_ms)}`}
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
