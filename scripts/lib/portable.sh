# shellcheck shell=bash
# Builds the server for a given platform and C library, on any system, by Zig's C compiler and
# linker. A plain `cargo build` on Linux needs the glibc of the machine that builds: here 2.34 or
# newer, which Azure Functions and older distributions do not have.

# The platform of Azure Functions.
functions_target=x86_64-unknown-linux-gnu
# The glibc of the oldest distributions that get security updates (RHEL 8, Debian 10).
portable_glibc=2.28

zig_tool=$tools_dir/zig
zigbuild_tool=$tools_dir/zigbuild

# zig_ensure: installs Zig and cargo-zigbuild in .zava/tools.
zig_ensure() {
  if ! package_present zig "$zig_tool"; then
    step "Fetching Zig $(package_version zig) (101 MB), which links for other C libraries"
    package_fetch zig "$zig_tool" tree ziglang/
  fi
  if ! package_present zigbuild "$zigbuild_tool"; then
    step "Fetching cargo-zigbuild $(package_version zigbuild)"
    package_fetch zigbuild "$zigbuild_tool" flat cargo-zigbuild
  fi
}

# portable_binary TARGET: prints the path of the binary that build_portable built.
portable_binary() { printf '%s/portable/%s/release/zava-mcp-server\n' "$(target_dir)" "$1"; }

# build_portable TARGET: builds the release binary for a target such as x86_64-unknown-linux-gnu.
# For Linux it needs no newer glibc than portable_glibc. The target folder is a separate one,
# because flags and linker differ from those of plain builds.
build_portable() {
  local target=$1
  libclang_ensure
  case $target in *-darwin) ;; *) zig_ensure ;; esac # Apple's own linker builds for macOS
  if command -v rustup >/dev/null 2>&1; then
    (cd "$repo_root" && rustup target list --installed | grep -qx "$target" || rustup target add "$target") >&2 ||
      die "the Rust target $target could not be installed; the reason is above."
  fi
  step "Building the server for $target"
  run_step loud portable_run "$target" || die "the build failed; cargo's message is above."
}

portable_run() {
  local target=$1
  # Not in the root: Zig names its headers relative to a folder above them, and the compilers that
  # get these names run in other folders.
  cd "$repo_root/scripts" || return 1
  export CARGO_TARGET_DIR
  CARGO_TARGET_DIR=$(target_dir)/portable
  case $target in
    *-darwin) cargo build --release --locked --bin zava-mcp-server --target "$target" ;;
    *)
      # Zig brings headers of its own; those of this machine's C compiler (.cargo/config.toml) are
      # for libclang only, which has none.
      local headers=${LIBCLANG_PATH:-$tools_dir/libclang}/include
      if [ -e "$headers/stddef.h" ]; then export BINDGEN_EXTRA_CLANG_ARGS="-isystem $headers"; fi
      C_INCLUDE_PATH='' CARGO_ZIGBUILD_ZIG_PATH=$zig_tool/ziglang/zig PATH=$zigbuild_tool:$PATH \
        cargo zigbuild --release --locked --bin zava-mcp-server --target "$target.$portable_glibc" ;;
  esac
}
