/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * Traffic over time: a chart with axes, and a small one for a table.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { rate } from "./format.ts";
import type { Rates } from "./store.ts";

/** Room for the labels, in pixels. */
const LEFT = 62;
const BOTTOM = 22;
const TOP = 8;
const RIGHT = 2;

/** Above which round number a scale ends: 1, 2, 5, 10, 20, … */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 4, 5, 10].map((step) => step * power).find((end) => end >= value) ?? 10 * power;
}

function path(values: readonly number[], x: (nth: number) => number, y: (value: number) => number) {
  return values.map((value, nth) =>
    `${nth === 0 ? "M" : "L"}${x(nth).toFixed(1)} ${y(value).toFixed(1)}`
  ).join("");
}

/** What a chart shows, in words. */
function inWords({ up, down }: Rates): string {
  const [most, now] = [Math.max(...down, ...up, 0), down.at(-1) ?? 0];
  return `Traffic of the last ${down.length} seconds: now ${rate(now)} down and ${
    rate(up.at(-1) ?? 0)
  } up, at most ${rate(most)}`;
}

/** The width of an element, as it changes. */
function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

/** A chart with axes; the pointer, or the arrow keys, show the numbers of one second. */
export function TrafficChart(
  { rates, height = 190 }: { rates: Rates; height?: number },
): JSX.Element {
  const [ref, width] = useWidth();
  const [at, setAt] = useState<number | undefined>();
  const { up, down } = rates;
  const last = Math.max(down.length - 1, 1);
  const top = ceiling(Math.max(...up, ...down, 1000));
  const inner = { width: Math.max(width - LEFT - RIGHT, 1), height: height - TOP - BOTTOM };
  const x = (nth: number) => LEFT + nth / last * inner.width;
  const y = (value: number) => TOP + (1 - value / top) * inner.height;
  const floor = y(0);
  const area = (values: readonly number[]) =>
    `${path(values, x, y)}L${x(last).toFixed(1)} ${floor}L${LEFT} ${floor}Z`;
  const point = (event: PointerEvent) => {
    const box = ref.current!.getBoundingClientRect();
    const nth = Math.round((event.clientX - box.left - LEFT) / inner.width * last);
    setAt(nth >= 0 && nth <= last ? nth : undefined);
  };
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    setAt((old) => Math.min(last, Math.max(0, (old ?? last) + by)));
  };
  const steps = inner.width < 400 ? 2 : 3;
  const seconds = [...Array(steps + 1).keys()].map((nth) => Math.round(last * nth / steps));
  return (
    <div
      class="chart"
      ref={ref}
      style={{ height: `${height}px` }}
      tabIndex={0}
      role="img"
      aria-label={inWords(rates)}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => setAt(undefined)}
      onKeyDown={step}
      onBlur={() => setAt(undefined)}
    >
      {width > 0 && (
        <svg width={width} height={height} aria-hidden="true">
          {[1, .75, .5, .25, 0].map((part) => (
            <g key={part}>
              <line
                class="grid"
                x1={LEFT}
                x2={width - RIGHT}
                y1={y(top * part)}
                y2={y(top * part)}
              />
              {part !== .25 && part !== .75 && (
                <text x={LEFT - 8} y={y(top * part) + 4} text-anchor="end">{rate(top * part)}</text>
              )}
            </g>
          ))}
          {seconds.map((ago) => (
            <text
              key={ago}
              x={x(last - ago)}
              y={height - 5}
              text-anchor={ago === 0 ? "end" : ago === last ? "start" : "middle"}
            >
              {ago === 0 ? "now" : ago < 60 ? `−${ago} s` : `−${Math.round(ago / 6) / 10} min`}
            </text>
          ))}
          <path class="area up" d={area(up)} />
          <path class="area down" d={area(down)} />
          <path class="line up" d={path(up, x, y)} />
          <path class="line down" d={path(down, x, y)} />
          {at !== undefined && (
            <g>
              <line class="cursor" x1={x(at)} x2={x(at)} y1={TOP} y2={floor} />
              <circle class="dot down" cx={x(at)} cy={y(down[at] ?? 0)} r="3.5" />
              <circle class="dot up" cx={x(at)} cy={y(up[at] ?? 0)} r="3.5" />
            </g>
          )}
        </svg>
      )}
      {at !== undefined && (
        <output
          class="tip"
          style={at > last / 2 ? { right: `${width - x(at) + 10}px` } : { left: `${x(at) + 10}px` }}
        >
          <span class="soft">{last - at === 0 ? "now" : `${last - at} s ago`}</span>
          <span>
            <i class="key down" />
            {rate(down[at] ?? 0)}
          </span>
          <span>
            <i class="key up" />
            {rate(up[at] ?? 0)}
          </span>
        </output>
      )}
    </div>
  );
}

const SPARK = { width: 96, height: 26 };

/** A small chart without axes; a flat line where nothing moves. */
export function Spark({ rates }: { rates: Rates | undefined }): JSX.Element {
  const { width, height } = SPARK;
  const up = rates?.up ?? [0, 0];
  const down = rates?.down ?? [0, 0];
  // A trickle is drawn as one: below 2 kB/s the scale stays.
  const top = Math.max(...up, ...down, 2000);
  const moving = up.some((value) => value > 0) || down.some((value) => value > 0);
  const x = (nth: number) => nth / (down.length - 1) * width;
  const y = (value: number) => height - 1.5 - value / top * (height - 3);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {moving
        ? (
          <>
            <path class="area down" d={`${path(down, x, y)}L${width} ${height}L0 ${height}Z`} />
            <path class="line up" d={path(up, x, y)} />
            <path class="line down" d={path(down, x, y)} />
          </>
        )
        : <line class="still" x1={0} x2={width} y1={y(0)} y2={y(0)} />}
    </svg>
  );
}
