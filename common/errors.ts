/**
 * The errors that callers catch by class; everything else is a built-in error.
 *
 * @module
 */

/**
 * The peer broke the wire protocol: a frame too long, not JSON, an unknown command, a missing field.
 * The only cure is to close that connection.
 */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** The server refused a registration; the message is the reason it gave. */
export class RefusedError extends Error {
  override name = "RefusedError";

  /** @param retryAfter seconds that the server wants to be left alone; undefined if it did not say. */
  constructor(message: string, readonly retryAfter?: number) {
    super(message);
  }
}

/** A wait ended because its deadline passed. */
export class DeadlineError extends Error {
  override name = "DeadlineError";
}

/**
 * The message of anything thrown, for a log line or an answer.
 * Deno's `(os error 111)` is dropped: it says nothing that the words before it do not.
 */
export function reason(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/ \(os error \d+\)/, "");
}

/**
 * Whether the error says that the connection is simply over: reset, broken pipe, closed under a
 * pending read. Such an end is reported by the relay's result, not as a fault.
 */
export function isDisconnect(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.TimedOut ||
    error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}
