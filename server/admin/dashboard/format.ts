/**
 * Numbers and times as people read them. All of a kind have about the same width, so that nothing
 * jumps when they change.
 *
 * @module
 */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `0 B`, `1.2 kB`, `34 MB`: decimal units, two digits at least from a thousand on. */
export function bytes(count: number): string {
  let value = Math.max(0, count);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `1.2 MB/s` */
export function rate(perSecond: number): string {
  return `${bytes(perSecond)}/s`;
}

/** `12,345` */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** `4 s`, `12 min`, `3 h 20 min`, `5 d 2 h` */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** `340 ms`, `2.4 s`, `3 min` */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return span(ms);
}

/** `0 ms`, `0.4 ms`, `12 ms` */
export function delay(ms: number): string {
  return ms > 0 && ms < 10 ? `${ms.toFixed(1)} ms` : duration(ms);
}

/** `14:03:22` */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB");
}

/** `heartbeat_lost` as words. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}
