/**
 * A CLI for tests: does what its prompts say, a command a line. It is run as a program.
 *
 * Arguments: `[--resume ID] [--once PROMPT]`. Without a prompt it reads JSON lines: `{"prompt":…}`,
 * `{"answer":…}`, `{"interrupt":true}`.
 *
 * @module
 */

const encoder = new TextEncoder();

function write(text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

function say(line: unknown): void {
  write(`${JSON.stringify(line)}\n`);
}

/** Settles with the next answer, or never. */
let answered = (_answer: unknown) => {};

/** What a prompt may say; `rest` is what stands behind the word. */
const COMMANDS: Record<string, (rest: string) => void | Promise<void>> = {
  say: (text) => say({ type: "text", text }),
  raw: (text) => write(`${text}\n`),
  lines(rest) {
    const [count = 0, size = 50] = rest.split(" ").map(Number);
    let text = "";
    for (let n = 1; n <= count; n++) {
      text += `${JSON.stringify({ type: "text", text: String(n).padEnd(size, ".") })}\n`;
      if (text.length < 60_000 && n < count) continue;
      write(text);
      text = "";
    }
  },
  /** So many lines, so many milliseconds apart, with the time at which each was written. */
  async tick(rest) {
    const [count = 0, pause = 0] = rest.split(" ").map(Number);
    for (let n = 0; n < count; n++) {
      say({ type: "tick", at: performance.timeOrigin + performance.now() });
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  },
  /** One line of so many MiB. */
  long(rest) {
    for (let mib = 0; mib < Number(rest); mib++) write("x".repeat(1024 * 1024));
    write("\n");
  },
  stderr(rest) {
    const line = encoder.encode(`${"e".repeat(99)}\n`.repeat(100));
    for (let n = 0; n < Number(rest) / 100; n++) Deno.stderr.writeSync(line);
  },
  async ask(tool) {
    const answer = new Promise((resolve) => answered = resolve);
    say({ type: "ask", tool });
    say({ type: "answer", answer: await answer });
  },
  env: () => say({ type: "env", env: Deno.env.toObject() }),
  cwd: () => say({ type: "cwd", cwd: Deno.cwd() }),
  /** A process of its own that stays. */
  child() {
    const child = new Deno.Command(Deno.execPath(), { args: ["eval", "setTimeout(()=>{},1e8)"] })
      .spawn();
    say({ type: "child", pid: child.pid, parent: Deno.pid });
  },
  read: async (path) => say({ type: "text", text: await Deno.readTextFile(path) }),
  sleep: () => new Promise<void>(() => {}),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, Number(ms))),
  exit: (code) => Deno.exit(Number(code)),
  fail: (reason) => {
    failure = reason;
  },
};

let failure: string | undefined;

async function turn(prompt: string): Promise<void> {
  failure = undefined;
  for (const line of prompt.split("\n")) {
    const space = line.indexOf(" ");
    const word = space === -1 ? line : line.slice(0, space);
    await COMMANDS[word]?.(space === -1 ? "" : line.slice(space + 1));
  }
  say(
    failure === undefined ? { type: "end", status: "completed" } : {
      type: "end",
      status: "failed",
      reason: failure,
    },
  );
}

async function serve(): Promise<void> {
  let buffer = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    buffer += text;
    for (let end = buffer.indexOf("\n"); end !== -1; end = buffer.indexOf("\n")) {
      const message = JSON.parse(buffer.slice(0, end));
      buffer = buffer.slice(end + 1);
      if ("prompt" in message) void turn(message.prompt);
      else if ("answer" in message) answered(message.answer);
      else if (message.interrupt) say({ type: "end", status: "cancelled" });
    }
  }
  Deno.exit(0);
}

if (import.meta.main) {
  const resumed = Deno.args[Deno.args.indexOf("--resume") + 1];
  const session = Deno.args.includes("--resume") ? resumed : `cli-${crypto.randomUUID()}`;
  // The flag makes it keep its id to itself.
  if (!Deno.args.includes("--fast")) {
    say({ type: "init", session, resumed: Deno.args.includes("--resume") });
  }
  if (Deno.args.includes("--once")) await turn(Deno.args.at(-1)!);
  else await serve();
}
