/**
 * The visitor tokens of the client that starts here.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import { UsageError } from "@agentx/common/cli";
import { stateFolder } from "../state.ts";
import { publicKey } from "./key.ts";
import { type Tokens, TokenWatch } from "./watch.ts";

const log = getLogger(["arpc", "token"]);

/** What `arpc` was told of them. */
export interface TokenWishes {
  requireVisitorToken: boolean;
  /** `--visitor-key-file` */
  visitorKeyFile: string | undefined;
}

/**
 * Opens what there is of them; undefined where there can be none and nobody asked for any.
 *
 * @throws {UsageError} when visitors need tokens and there is no place for the key, or the key of
 * `--visitor-key-file` cannot be used.
 */
export function openTokens(
  { requireVisitorToken, visitorKeyFile }: TokenWishes,
): Tokens | undefined {
  const key = visitorKeyFile === undefined ? undefined : publicKey(visitorKeyFile);
  const folder = stateFolder();
  try {
    return TokenWatch.open(folder, { key });
  } catch (error) {
    const why = reason(error);
    if (key !== undefined) {
      log.info("Single visitor tokens cannot be revoked here, for lack of a place to keep that", {
        folder,
        why,
      });
      return keyAlone(key);
    }
    if (requireVisitorToken) {
      throw new UsageError(
        `--require-visitor-token: cannot keep the key of visitor tokens in ` +
          `${folder ?? "~/.arp-client"}: ${why}\n` +
          "Let arpc write there (in a container: a volume), or give it a key that was made " +
          "elsewhere:\n" +
          "  arpc token create --visitor-key-file visitor-key.json\n" +
          "  arpc --require-visitor-token --visitor-key-file visitor-key.json",
      );
    }
    log.debug("No visitor tokens", { folder, why });
    return undefined;
  }
}

/** Tokens of which nothing but the key is known. */
function keyAlone(key: string): Tokens {
  return {
    key,
    revoked: () => [],
    changes: new EventTarget(),
    keep: () => Promise.resolve(false),
    [Symbol.dispose]: () => {},
  };
}
