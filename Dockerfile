# arps and arpc as images. Which one is the target:
#
#   docker build --target arps --tag arps .
#   docker build --target arpc --tag arpc .
#
# Both run as an unprivileged user, on a read-only root file system, without capabilities, and fetch
# nothing at run time. deploy/compose.yaml and deploy/kubernetes/ start them that way.

ARG DEBIAN=bookworm

# ---- Deno: one file out of its npm package
FROM node:22-${DEBIAN}-slim AS deno
ARG DENO_VERSION=2.9.6
# The first call puts the program for this machine beside its package.
RUN npm install --global --no-fund --no-audit "deno@${DENO_VERSION}" \
  && deno --version \
  && cp "$(npm root --global)/deno/deno" /deno

# ---- What both images stand on
FROM debian:${DEBIAN}-slim AS base
COPY --from=deno /deno /usr/local/bin/deno
RUN groupadd --gid 65532 arp \
  && useradd --uid 65532 --gid arp --no-log-init --create-home --home-dir /home/arp \
    --shell /usr/sbin/nologin arp \
  && install --directory --owner=arp --group=arp --mode=0700 /home/arp/.arp-client
# With OTEL_DENO=true the log is exported as well, and not printed twice.
ENV DENO_DIR=/opt/deno-dir \
  DENO_NO_UPDATE_CHECK=1 \
  NO_COLOR=1 \
  OTEL_DENO_CONSOLE=replace
WORKDIR /opt/arp
COPY deno.json deno.lock ./
COPY common common
COPY deploy/health.ts deploy/trim.ts deploy/

# ---- The server
FROM base AS arps
# A member of the workspace has to have its deno.json, even if nothing of it is used.
COPY client/deno.json client/
COPY server server
# Packages are fetched and translated here; what the program runs, it cannot change.
RUN deno run --quiet --no-lock --allow-all deploy/trim.ts server/main.ts \
  && deno run --quiet --no-prompt --cached-only --frozen server/main.ts --version
LABEL org.opencontainers.image.title="arps" \
  org.opencontainers.image.description="ARP server: puts programs that run behind NAT on the public internet, through one port" \
  org.opencontainers.image.licenses="MIT"
# Only this container reaches it, for the check below.
ENV ARPS_ADMIN_PORT=17009
USER 65532:65532
EXPOSE 17001 17002 17003
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["deno", "run", "--quiet", "--no-prompt", "--cached-only", "--frozen", "--allow-net=127.0.0.1", "--allow-env=ARPS_ADMIN_PORT", "deploy/health.ts"]
# What it may do at most; it gives up what its settings do not need. Settings: variables named
# ARPS_…, flags behind the image's name, or a file and secrets in the folders it may read.
ENTRYPOINT ["deno", "run", "--quiet", "--no-prompt", "--cached-only", "--frozen", "--v8-flags=--max-semi-space-size=2,--initial-old-space-size=16", "--allow-net", "--allow-env=ARPS_*,ARP_*,OTEL_DENO_CONSOLE", "--allow-read=/etc/arp,/run/secrets,/var/log/arp", "--allow-write=/var/log/arp", "server/main.ts"]

# ---- The client, for a service beside it; command mode wants the CLIs, and so an image of its own
FROM base AS arpc
COPY server/deno.json server/
COPY client client
# For what one does beside the client that runs: docker exec CONTAINER arpc token create
COPY deploy/arpc.sh /usr/local/bin/arpc
RUN deno run --quiet --no-lock --allow-all deploy/trim.ts client/main.ts \
  && deno run --quiet --no-prompt --cached-only --frozen client/main.ts --version
LABEL org.opencontainers.image.title="arpc" \
  org.opencontainers.image.description="ARP client: exposes a service through an ARP server" \
  org.opencontainers.image.licenses="MIT"
ENV HOME=/home/arp
USER 65532:65532
# The client id of the last run, if it was given none, and the key of visitor tokens: without a volume
# there both change each time.
VOLUME ["/home/arp/.arp-client"]
STOPSIGNAL SIGTERM
# A client that is cut off comes back by itself: there is nothing that a restart would mend.
HEALTHCHECK NONE
ENTRYPOINT ["deno", "run", "--quiet", "--no-prompt", "--cached-only", "--frozen", "--v8-flags=--max-semi-space-size=2,--initial-old-space-size=16", "--allow-net", "--allow-env=ARPC_*,ARP_*,HOME,USER,OTEL_DENO_CONSOLE", "--allow-sys=hostname", "--allow-read=/etc/arp,/run/secrets,/var/log/arp,/home/arp/.arp-client", "--allow-write=/var/log/arp,/home/arp/.arp-client", "client/main.ts"]
