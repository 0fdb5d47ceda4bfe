/**
 * Why a client is not registered.
 *
 * @module
 */

/** When to ask again, in seconds, where only a person can change the answer. */
export const LASTING_S = 5;

/** What kind of reason it is; metrics have a series for each. */
export type RefusalReason = "invalid" | "taken" | "port" | "denied" | "limit" | "banned";

/** A registration that cannot be. The message is for the client. */
export class RegistrationError extends Error {
  override name = "RegistrationError";

  /**
   * @param retryAfter seconds that the client should wait before it asks again.
   * @param word what kind of reason it is.
   */
  constructor(
    message: string,
    readonly retryAfter?: number,
    readonly word: RefusalReason = "invalid",
  ) {
    super(message);
  }
}
