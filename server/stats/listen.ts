/**
 * Accepts that fail, counted where they do.
 *
 * @module
 */

import { isDisconnect, type Listen } from "@agentx/common";
import type { Tally } from "./tally.ts";

/** The same way to listen; what goes wrong there for want of a descriptor, say, is counted. */
export function counted(listen: Listen, name: string, errors: Tally): Listen {
  return (address, options) => {
    const listener = listen(address, options);
    const accept = async () => {
      try {
        return await listener.accept();
      } catch (error) {
        // Closed here, or hung up there: neither is a fault.
        if (!isDisconnect(error)) errors.add(name);
        throw error;
      }
    };
    return { accept, close: () => listener.close(), address: listener.address };
  };
}
