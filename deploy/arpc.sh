#!/bin/sh
# arpc by its name within its image, as the image starts it:
#   docker exec CONTAINER arpc token create --ttl 2h
cd /opt/arp || exit
exec deno run --quiet --no-prompt --cached-only --frozen --v8-flags=--max-semi-space-size=2,--initial-old-space-size=16 --allow-net '--allow-env=ARPC_*,ARP_*,HOME,USER,OTEL_DENO_CONSOLE' --allow-sys=hostname --allow-read=/etc/arp,/run/secrets,/var/log/arp,/home/arp/.arp-client --allow-write=/var/log/arp,/home/arp/.arp-client client/main.ts "$@"
