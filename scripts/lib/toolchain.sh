# shellcheck shell=bash
# Rust, the C compiler, libclang, and building the server if its sources changed.

build_stamp=$run_dir/built       # mtime: start of the last successful build; content: path of the binary

# target_dir: prints cargo's target folder, as far as it can be determined without running cargo.
target_dir() { printf '%s\n' "${CARGO_TARGET_DIR:-${CARGO_BUILD_TARGET_DIR:-$repo_root/target}}"; }

# server_binary: prints the path of the binary that build_server built, or fails.
server_binary() {
  local path=
  [ -r "$build_stamp" ] && IFS= read -r path < "$build_stamp" && [ -x "$path" ] && printf '%s\n' "$path"
}

# build_needed: succeeds if cargo must be run. Compares modification times as cargo does, but takes
# milliseconds instead of hundreds of them. In doubt (a missing file, a space in a name) it
# succeeds, and cargo decides.
build_needed() {
  local binary sources=() path changed
  binary=$(server_binary) || return 0
  for path in Cargo.toml Cargo.lock rust-toolchain.toml build.rs .cargo crates src migrations; do
    [ ! -e "$repo_root/$path" ] || sources+=("$repo_root/$path")
  done
  changed=$(find "${sources[@]}" -newer "$build_stamp" 2>/dev/null | head -n 1 || true)
  [ -z "$changed" ] || return 0
  # The files that the compiler read, from the file that cargo writes beside the binary. It includes
  # files outside these folders (include_str!).
  [ -r "$binary.d" ] || return 0
  # shellcheck disable=SC2013 # word splitting is intended: cargo separates the names by spaces
  for path in $(sed 's/^[^:]*: *//' "$binary.d"); do
    if [ ! -e "$path" ] || [ "$path" -nt "$build_stamp" ]; then return 0; fi
  done
  return 1
}

# build_check: checks that cargo and a C compiler that can link are installed.
build_check() {
  if ! command -v cargo >/dev/null 2>&1 && [ -x "$HOME/.cargo/bin/cargo" ]; then
    PATH=$PATH:$HOME/.cargo/bin
  fi
  command -v cargo >/dev/null 2>&1 ||
    die "cargo was not found; a Rust toolchain is required." \
      "Install it from https://rustup.rs, open a new shell, and run this again."
  local probe=$run_dir/compiler-probe
  command -v cc >/dev/null 2>&1 || die "the C compiler (cc) was not found." "$(advice compiler)"
  printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' > "$probe.c"
  if ! cc -o "$probe" "$probe.c" >"$probe.log" 2>&1; then
    sed 's/^/    /' "$probe.log" >&2
    die_if_disk_full
    die "the C compiler (cc) cannot build a small program; its message is above." "$(advice compiler)"
  fi
  rm -f "$probe" "$probe.c" "$probe.log"
}

# libclang_ensure: installs libclang in .zava/tools/libclang, the path in .cargo/config.toml. Does
# nothing if the caller sets LIBCLANG_PATH.
libclang_ensure() {
  [ -z "${LIBCLANG_PATH:-}" ] || return 0
  local folder=$tools_dir/libclang headers work
  if ! package_present libclang "$folder"; then
    step "Fetching libclang $(package_version libclang) (25 MB), which the SQL parser's build requires"
    package_fetch libclang "$folder" flat clang/native/libclang.
  fi
  # The package lacks the compiler's own headers (stddef.h and others), so those of the C compiler
  # are linked. Checked on each build, because an update of the compiler moves them.
  headers=$(cc -print-file-name=include)
  [ -e "$headers/stddef.h" ] || headers=$(cc -print-resource-dir 2>/dev/null)/include
  [ -e "$headers/stddef.h" ] ||
    die "the headers of the C compiler were not found (cc -print-file-name=include)." "$(advice compiler)"
  if [ "$(readlink "$folder/include" || true)" != "$headers" ]; then
    work=$folder/.include.$$
    ln -s "$headers" "$work" && rm -f "$folder/include" && mv "$work" "$folder/include" ||
      die "could not link $folder/include to $headers."
  fi
}

# build_server: builds the release binary if its sources changed, with cargo's output. Afterwards
# server_binary prints its path, wherever the caller's cargo configuration puts it.
build_server() {
  build_needed || return 0
  libclang_ensure
  step "Building the server (cargo build --release; the first time takes several minutes)"
  : > "$build_stamp.new" || die_unwritable "$build_stamp"
  touch -r "$build_stamp.new" "$run_dir/build-began"
  if ! run_step loud build_run; then
    die_if_disk_full
    die "the build failed; cargo's message is above." \
      "Fix the cause and run this again; compiled crates are kept."
  fi
  local binary
  binary=$(sed -n 's/.*"executable":"\([^"]*zava-mcp-server\)".*/\1/p' "$run_dir/build.json" | tail -n 1)
  [ -x "$binary" ] || die "cargo did not build zava-mcp-server; see $run_dir/build.json."
  printf '%s\n' "$binary" > "$build_stamp.new"
  touch -r "$run_dir/build-began" "$build_stamp.new" # a file that changed during the build counts as newer
  mv -f "$build_stamp.new" "$build_stamp"
}

build_run() {
  cd "$repo_root" &&
    cargo build --release --locked --message-format=json-render-diagnostics > "$run_dir/build.json"
}
