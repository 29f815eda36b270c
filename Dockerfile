# The image of one process of Tacet: `serve` by default, and every other command of bin/tacet as well.
#   docker build -t tacet .
#   docker run --rm tacet --help
# compose.yaml runs a whole installation of it.

# Not the slim image: where no ready-made binary of better-sqlite3 can be fetched, npm compiles it here.
FROM node:20-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/server/package.json packages/server/
COPY packages/sdk/package.json packages/sdk/
COPY packages/console/package.json packages/console/
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.base.json ./
COPY packages/server/tsconfig.json packages/server/tsconfig.build.json packages/server/
COPY packages/server/src packages/server/src
RUN npm run build
# What only building and testing needs goes; the compiled binary of better-sqlite3 stays.
RUN npm prune --omit=dev
# Where an archive lives that is not in PostgreSQL and S3: a volume mounted here takes over owner and mode.
RUN mkdir -m 0700 -p folders/home folders/keys

# The same Debian as above: what was compiled there runs here.
FROM node:20-bookworm-slim
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/packages/server/package.json packages/server/
COPY --from=build /app/packages/server/dist packages/server/dist
COPY bin bin
COPY LICENSE ./
COPY --from=build --chown=1000:1000 /app/folders /var/lib/tacet
ENV NODE_ENV=production \
    TACET_HOME=/var/lib/tacet/home \
    TACET_KEYS_DIR=/var/lib/tacet/keys \
    TACET_LISTEN=0.0.0.0:8484
# The user `node` of the image, by number: Kubernetes can tell from that alone that it is not root.
USER 1000:1000
EXPOSE 8484
# Plain HTTP on the port above. With TLS or another port the installation brings a check of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8484/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# bin/tacet becomes node by `exec`, so that SIGTERM reaches node itself, which lets requests finish for up to 14 s: more than
# the 10 s that `docker stop` waits (compose.yaml: stop_grace_period). It also sets the size of core files to 0, since a core
# would hold opened keys. Memory that is swapped out would hold them too: run it without swap (compose.yaml: memswap_limit).
ENTRYPOINT ["/app/bin/tacet"]
CMD ["serve"]
