/**
 * The table: one row a figure, one column a peer, then ratios and the verdict.
 * @module
 */
import type { Row } from "./row.ts";
import { judge, type Names } from "./verdict.ts";

/** What stands where there is no value. */
const NONE = "-";

/** Lays out all rows; `columns` are the peers that were asked for. */
export function table(rows: Row[], columns: string[], names: Names): string {
  const head = ["figure", "unit", ...columns, "/ tunnel", "/ socat", "required", ""];
  const body = rows.map((row) => {
    const { toTunnel, toSocat, required, holds } = judge(row, names);
    return [
      row.label,
      row.unit,
      ...columns.map((name) => number(row.values[name])),
      number(toTunnel, 2),
      number(toSocat, 2),
      required || NONE,
      row.require.length === 0 ? "" : holds === undefined ? "?" : holds ? "pass" : "FAIL",
    ];
  });
  const widths = head.map((_, at) =>
    Math.max(...[head, ...body].map((cells) => cells[at]!.length))
  );
  const line = (cells: string[]) =>
    cells.map((cell, at) => isNumber(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))
      .join("  ").trimEnd();
  const isNumber = (at: number) => at >= 2 && at < columns.length + 4;
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(head), rule, ...body.map(line)].join("\n") + "\n";
}

/** Three significant digits, without an exponent. */
function number(value: number | undefined, digits?: number): string {
  if (value === undefined || Number.isNaN(value)) return NONE;
  if (digits !== undefined) return value.toFixed(digits);
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
