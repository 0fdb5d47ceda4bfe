/**
 * The wire protocol of ARP and the relay both its programs run on.
 *
 * @example A frame and back
 * ```ts
 * import { decodeFrame, encodeFrame } from "@agentx/common";
 *
 * const bytes = encodeFrame({ type: "Register", client_id: "my-app" });
 * const decoded = decodeFrame(bytes);
 * if (decoded?.command.type !== "Register") throw new Error("unreachable");
 * ```
 *
 * @module
 */

export { acceptLoop } from "./accept.ts";
export { Backoff, type BackoffOptions } from "./backoff.ts";
export {
  CLIENT_ID,
  CLIENT_ID_EXPECTS,
  type Command,
  type Draining,
  formatCommand,
  type NewProxyConn,
  parseCommand,
  type Ping,
  type Pong,
  PROTOCOL_VERSION,
  type ProxyStarted,
  type Register,
  type RegisterResult,
  type RequestNewProxyConn,
  type RevokeTokens,
  type StartProxy,
} from "./commands.ts";
export { Block } from "./block.ts";
export { chunk, ChunkedDuplex, join, PLAIN_AFTER } from "./chunk.ts";
export { Channel, MAX_OUTBOX, MISSED_HEARTBEATS } from "./channel.ts";
export { DeadlineError, isDisconnect, ProtocolError, reason, RefusedError } from "./errors.ts";
export {
  type Decoded,
  decodeFrame,
  encodeFrame,
  encodeFrames,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  readFrame,
  readFrameWithin,
} from "./frame.ts";
export { latin1, latin1Bytes, putLatin1 } from "./latin1.ts";
export { linger } from "./linger.ts";
export {
  getLogger,
  LOG_LEVELS,
  type Logger,
  type LoggingOptions,
  setupLogging,
  tag,
} from "./log.ts";
export { isLoopback } from "./loopback.ts";
export { Peek } from "./peek.ts";
export { Recent } from "./recent.ts";
export { Seldom } from "./seldom.ts";
export {
  copy,
  type Duplex,
  fillOrEnd,
  PlainDuplex,
  relay,
  type RelayEnd,
  type RelayOptions,
  type Sink,
  type Source,
  type Traffic,
} from "./relay.ts";
export {
  type Address,
  closeQuietly,
  type Conn,
  type Dial,
  type DialOptions,
  dialTcp,
  formatAddress,
  hostOf,
  type Listen,
  type Listener,
  type ListenOptions,
  listenTcp,
  writeAll,
} from "./transport.ts";
