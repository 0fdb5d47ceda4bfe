/**
 * Stands in for a CLI where the bench asks how fast output passes: it writes lines in the grammar of
 * `claude -p --output-format stream-json`, each with the moment at which it was written. The prompt
 * says how: `lines=N rate=LINES_A_SECOND bytes=LENGTH_OF_A_LINE`, rate 0 for as fast as possible.
 *
 * @module
 */

const encoder = new TextEncoder();
const last = Deno.args.at(-1) ?? "";
const prompt = last.startsWith("lines=") ? last : await new Response(Deno.stdin.readable).text();

function setting(name: string, otherwise: number): number {
  const match = new RegExp(`${name}=(\\d+)`).exec(prompt);
  return match === null ? otherwise : Number(match[1]);
}

/** Milliseconds since 1970 with fractions, the same clock in all processes. */
const now = () => performance.timeOrigin + performance.now();

function write(text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

const lines = setting("lines", 100);
const rate = setting("rate", 100);
const padding = "x".repeat(setting("bytes", 200));
/** Lines that are written together when many are wanted. */
const batch = rate === 0 ? 100 : Math.max(1, Math.floor(rate / 100));

const start = performance.now();
for (let n = 0; n < lines;) {
  let text = "";
  for (let i = 0; i < batch && n < lines; i++, n++) {
    text += `${JSON.stringify({ type: "bench", n, at: now(), padding })}\n`;
  }
  write(text);
  const due = rate === 0 ? 0 : start + (n / rate) * 1000 - performance.now();
  if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
}
const took = performance.now() - start;
write(
  `${JSON.stringify({ type: "result", subtype: "success", is_error: false, result: "", took })}\n`,
);
