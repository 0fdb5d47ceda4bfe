/**
 * The program `arps cert`: what it is called, and what it may do.
 *
 * @module
 */

import { type Subcommand, subcommand } from "@agentx/common/cli";
import { resolve as absolute } from "@std/path";
import denoJson from "../deno.json" with { type: "json" };
import { CERT_OPTIONS } from "./options.ts";
import { besides } from "./files.ts";

/** `arps cert`. */
export const CERT: Subcommand = subcommand({
  word: "cert",
  brief: "makes a certificate for --tls-cert, or prints the fingerprint of one",
  about: {
    name: "arps cert",
    version: denoJson.version,
    prefix: "ARPS",
    summary:
      "Makes a certificate and its key, and prints its fingerprint, by which a client knows it: " +
      "nobody else has to vouch for it. Or prints that of a certificate that there is.",
    examples: [
      ["arps cert --self-signed --name tunnel.example.com", "a certificate for a first try"],
      ["arps cert --self-signed --renew", "another year, with the same names and key"],
      ["arps cert --fingerprint /etc/ssl/tunnel.pem", "for arpc --tls --tls-fingerprint"],
    ],
  },
  options: CERT_OPTIONS,
  permissions: (values) => {
    const { config, fingerprint, renew } = values;
    const [cert, key] = [absolute(values["out-cert"]), absolute(values["out-key"])];
    const read = [config, fingerprint].filter((file) => file !== undefined);
    if (!values["self-signed"]) return { read: read.map((file) => absolute(file)) };
    const made = renew ? [cert] : [cert, key];
    if (renew) read.push(cert, key);
    return {
      // What is put in the place of another has to be readable.
      read: [...read.map((file) => absolute(file)), ...made.map((file) => besides(file))],
      write: made.flatMap((file) => [file, besides(file)]),
    };
  },
  run: async (values) => (await import("./run.ts")).runCert(values),
});
