/**
 * TLS on the ports of the server. Large: loaded where it is on.
 *
 * @module
 */

export { type Identity, listenTls } from "./accept.ts";
export { FileIdentity } from "./identity.ts";
