/**
 * A key and its certificate, for tests alone: `localhost` and `127.0.0.1`, P-256, valid until 2126.
 *
 * Made by `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 36500
 * -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1
 * -addext basicConstraints=critical,CA:FALSE`.
 *
 * @module
 */

/** The certificate. */
export const CERT = `-----BEGIN CERTIFICATE-----
MIIBlzCCAT6gAwIBAgIUHS/AiZe4txT3zjaoY3bj8zk5g4wwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAwMTYyOVoYDzIxMjYxMDMw
MDAxNjI5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARH1vkumc8XN68DFXPEXYKg+3TB7Nh2UbB1OX9G8Yegz0+iPV2q2eFe
WCsLtbv+SVcCILAU8PsYnAz4ti19/pwIo2wwajAdBgNVHQ4EFgQUtdYHq1s6LMai
i/ERxQGL+sUkrd8wHwYDVR0jBBgwFoAUtdYHq1s6LMaii/ERxQGL+sUkrd8wGgYD
VR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0E
AwIDRwAwRAIgP/scdTAP4lPZYHhc2Gv3PGnzVswl9+LX0/crki4A3c4CIAbSFURK
bZCh5rM81ZpPOOXpTbdcss+vWxNaeX/LIE2H
-----END CERTIFICATE-----
`;

/** Its key. */
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9Q1gpzSv6gPBKPZL
yhpPgOG6EIBVxLHHHkpw+CSSm62hRANCAARH1vkumc8XN68DFXPEXYKg+3TB7Nh2
UbB1OX9G8Yegz0+iPV2q2eFeWCsLtbv+SVcCILAU8PsYnAz4ti19/pwI
-----END PRIVATE KEY-----
`;
