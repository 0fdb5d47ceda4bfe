/**
 * Options of `arps cert`.
 *
 * @module
 */

import { count, list, SUBCOMMAND_OPTIONS, text, toggle, type Values } from "@agentx/common/cli";

const MAKE = "A new certificate";
const SHOW = "One that there is";

/** The options by flag. */
export const CERT_OPTIONS = {
  "self-signed": toggle({
    about: "make a certificate that nobody vouches for, and its key: for a first try, or for " +
      "clients that pin it",
    group: MAKE,
    default: false,
    once: true,
  }),
  "name": list({
    about: "host name, *.host name or IP address it is for; repeatable (default: localhost, or " +
      "with --renew those of before)",
    group: MAKE,
    arg: "<host>",
    pattern: /^(?:\*\.)?[A-Za-z0-9._:-]{1,253}$/,
    expects: "a host name, such as tunnel.example.com or *.tunnel.example.com, or an IP address",
    once: true,
  }),
  "days": count({
    about: "it is valid",
    group: MAKE,
    arg: "<days>",
    default: 365,
    min: 1,
    max: 3650,
    once: true,
  }),
  "out-cert": text({
    about: "where it goes",
    group: MAKE,
    arg: "<file>",
    default: "arps-cert.pem",
    once: true,
  }),
  "out-key": text({
    about: "where its key goes",
    group: MAKE,
    arg: "<file>",
    default: "arps-key.pem",
    once: true,
  }),
  "renew": toggle({
    about: "a new certificate in the place of the one there, for the same key: whoever pins the " +
      "key notices nothing",
    group: MAKE,
    default: false,
    once: true,
  }),
  "force": toggle({
    about: "replace files that are there, the key as well: every pin of them is void then",
    group: MAKE,
    default: false,
    once: true,
  }),
  "fingerprint": text({
    about:
      "print what is in this certificate, and for arpc --tls-fingerprint its SHA-256 and that " +
      "of its key",
    group: SHOW,
    arg: "<file>",
    once: true,
  }),
  ...SUBCOMMAND_OPTIONS,
};

/** The values of {@link CERT_OPTIONS}. */
export type CertValues = Values<typeof CERT_OPTIONS>;
