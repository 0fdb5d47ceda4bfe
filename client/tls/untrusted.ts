/**
 * What a program says of a server that it does not trust.
 *
 * @module
 */

/**
 * Whoever answered has not shown that it is the server. Another try finds the same, until somebody
 * does something about it here or there.
 */
export class UntrustedError extends Error {
  override name = "UntrustedError";
}
