/**
 * A visitor whose bytes are relayed as they are, once both sides have been introduced.
 *
 * @module
 */

import { PlainDuplex, relay, type RelayEnd } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { LeftService } from "./left_service.ts";
import { unreachable } from "./refusals.ts";
import type { Client } from "./registry.ts";
import type { Sessions } from "./sessions.ts";
import type { Match, Talk } from "./sniff/mod.ts";
import { brokeOff, MAX_TRIES, retried, type Tunnel } from "./tunnel.ts";
import type { Visitor } from "./visitor.ts";
import { type See, watched } from "./watched.ts";

/** For what is said before bytes can flow, in milliseconds; somebody may have to type a password. */
const HANDSHAKE_TIMEOUT_MS = 60_000;
/** How long a handshake whose tunnel is gone may take to end, in milliseconds. */
const LAST_WORDS_MS = 1000;

/**
 * Joins a visitor to a client until both directions have ended. The visitor's head is kept until the
 * client has reached its service, and sent again on another tunnel if one proves dead.
 *
 * @throws {Refusal} when no tunnel came, the client cannot reach its service, or the two do not get
 * along.
 */
export async function serveRaw(
  visitor: Visitor,
  client: Client,
  match: Match,
  sessions: Sessions,
  signal: AbortSignal,
): Promise<RelayEnd> {
  // What lasts as long as the visitor.
  using lasting = new DisposableStack();
  client.visitors++;
  visitor.joins(client);
  lasting.defer(() => client.visitors--);
  const enter = (session: string) => lasting.use(sessions.enter(session, client));
  const tunnel = await attach(visitor, client, match, signal);
  const plain = new PlainDuplex(visitor.peek);
  const talk = lasting.use(await introduce(visitor, plain, tunnel, client, match, signal));
  if (talk?.session !== undefined) enter(talk.session);
  const service = match.leaves ? lasting.use(new LeftService(tunnel.duplex)) : tunnel.duplex;
  const end = await relay(
    watched(plain, replies(match, enter)),
    watched(service, talk && ((bytes) => talk.hear(bytes))),
    { traffic: visitor.traffic, signal },
  ).catch((error) => {
    brokeOff(client, error);
    throw error;
  });
  plain.close();
  if (end === "done") void client.pool.giveBack(tunnel);
  else tunnel.close();
  return end;
}

async function attach(
  visitor: Visitor,
  client: Client,
  { protocol, size, head }: Match,
  signal: AbortSignal,
): Promise<Tunnel> {
  const first = head?.(client) ?? visitor.peek.bytes.subarray(0, size);
  for (let tries = 1;; tries++) {
    const tunnel = await client.pool.take();
    const abort = () => tunnel.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await tunnel.start({ visitor: visitor.name, protocol, tls: visitor.tls }, first);
      const started = await tunnel.started(client.channel);
      if (started.ok) {
        visitor.peek.consume(size);
        visitor.traffic.up += first.length;
        client.account.serve();
        return tunnel;
      }
      throw unreachable(started.reason);
    } catch (error) {
      tunnel.close();
      if (signal.aborted || error instanceof Refusal) throw error;
      client.account.stale++;
      if (tries === MAX_TRIES) {
        throw new Refusal(502, "The client's tunnels end before they start");
      }
      retried(client, error);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

/**
 * Tells the visitor that its service is reached, and runs a protocol's handshake until its deadline;
 * then, or when told to, both ends are closed.
 */
async function introduce(
  { traffic }: Visitor,
  plain: PlainDuplex,
  tunnel: Tunnel,
  client: Client,
  { accepted, handshake }: Match,
  signal: AbortSignal,
): Promise<Talk | undefined> {
  let late = false;
  const close = () => {
    plain.close();
    tunnel.close();
  };
  let timer = setTimeout(() => {
    late = true;
    tunnel.close();
    // That ends most handshakes, and leaves the visitor to be told why.
    timer = setTimeout(close, LAST_WORDS_MS);
  }, HANDSHAKE_TIMEOUT_MS);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    if (accepted !== undefined) await plain.write(accepted);
    return await handshake?.(
      watched(plain, ({ length }) => void (traffic.down += length)),
      watched(tunnel.duplex, ({ length }) => void (traffic.up += length)),
      client,
    ) || undefined;
  } catch (error) {
    tunnel.close();
    if (late) throw new Refusal(504, "The handshake with the service took too long");
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", close);
  }
}

/** Looks for a session in what the service says. */
function replies({ watch }: Match, enter: (session: string) => void): See | undefined {
  const looking = watch?.();
  return looking && ((bytes) => {
    const more = looking.see(bytes);
    if (!more && looking.session !== undefined) enter(looking.session);
    return more;
  });
}
