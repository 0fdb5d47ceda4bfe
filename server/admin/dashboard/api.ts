/**
 * The server, from a page: requests with this page's half of the session, and the stream of what
 * changes.
 *
 * @module
 */

const SESSION = "arps-session";
const HEADER = "x-arps-session";
/** A stream that is silent for longer is dead: there is something to say each second. */
const SILENT_MS = 20_000;

/** The key is needed, or the session is over. */
export class Locked extends Error {}

/** The server refused; the message is its own. */
export class Refused extends Error {}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const session = localStorage.getItem(SESSION);
  if (session !== null) headers.set(HEADER, session);
  const response = await fetch(path, { ...init, headers });
  if (response.ok) return response;
  const { error = `It answered ${response.status}` } = await response.json().catch(() => ({}));
  const wait = response.headers.get("retry-after");
  const message = wait === null ? error : `${error}. Try again in ${wait} s.`;
  throw response.status === 401 ? new Locked(message) : new Refused(message);
}

/** Asks for something. */
export async function get<T>(path: string): Promise<T> {
  return await (await request(path)).json();
}

/** Tells the server to do something. */
export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  const headers = { "content-type": "application/json" };
  const response = await request(path, { method: "POST", headers, body: JSON.stringify(body) });
  return await response.json();
}

/** Tells the server to undo something. */
export async function remove(path: string): Promise<void> {
  await request(path, { method: "DELETE" });
}

/** Logs in. */
export async function login(key: string): Promise<void> {
  const { session } = await post<{ session: string }>("/api/login", { key });
  localStorage.setItem(SESSION, session);
}

/** Logs out; whether or not the server hears of it, this page has forgotten. */
export async function logout(): Promise<void> {
  await post("/api/logout").catch(() => {});
  localStorage.removeItem(SESSION);
}

/**
 * Reads the stream until it ends.
 *
 * @throws {Locked} when the key is needed.
 */
export async function watch(
  hear: (event: string, data: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const silence = new AbortController();
  const response = await request("/api/events", {
    signal: AbortSignal.any([signal, silence.signal]),
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENT_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (event !== undefined) hear(event, JSON.parse(data!));
    }
  }
}
