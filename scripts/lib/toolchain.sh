# shellcheck shell=bash
# Rust, the C compiler, libclang, and building the server when its sources changed.

build_stamp=$run_dir/built       # its time: when the last good build began; its line: the binary's path

# target_dir: where cargo builds, as far as that can be told without asking cargo.
target_dir() { printf '%s\n' "${CARGO_TARGET_DIR:-${CARGO_BUILD_TARGET_DIR:-$repo_root/target}}"; }

# server_binary: prints the path of the binary that build_server made, or fails.
server_binary() {
  local path=
  [ -r "$build_stamp" ] && IFS= read -r path < "$build_stamp" && [ -x "$path" ] && printf '%s\n' "$path"
}

# build_needed: cargo has to be asked. Compares times as cargo does, in a few milliseconds instead of some
# hundreds; when in doubt (a file is gone, a name has a space) the answer is yes, and cargo decides.
build_needed() {
  local binary sources=() path changed
  binary=$(server_binary) || return 0
  for path in Cargo.toml Cargo.lock rust-toolchain.toml build.rs .cargo src migrations; do
    [ ! -e "$repo_root/$path" ] || sources+=("$repo_root/$path")
  done
  changed=$(find "${sources[@]}" -newer "$build_stamp" 2>/dev/null | head -n 1 || true)
  [ -z "$changed" ] || return 0
  # What the compiler read, as cargo wrote it down beside the binary: also files outside src (include_str!).
  [ -r "$binary.d" ] || return 0
  # shellcheck disable=SC2013 # words are wanted: cargo separates the names by spaces
  for path in $(sed 's/^[^:]*: *//' "$binary.d"); do
    if [ ! -e "$path" ] || [ "$path" -nt "$build_stamp" ]; then return 0; fi
  done
  return 1
}

# build_check: what a build needs is there: cargo, a C compiler that can link.
build_check() {
  if ! command -v cargo >/dev/null 2>&1 && [ -x "$HOME/.cargo/bin/cargo" ]; then
    PATH=$PATH:$HOME/.cargo/bin
  fi
  command -v cargo >/dev/null 2>&1 ||
    die "cargo was not found: a Rust toolchain is needed." \
      "Install it from https://rustup.rs, open a new shell, and run this again."
  local probe=$run_dir/compiler-probe
  command -v cc >/dev/null 2>&1 || die "no C compiler was found (cc)." "$(advice compiler)"
  printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' > "$probe.c"
  if ! cc -o "$probe" "$probe.c" >"$probe.log" 2>&1; then
    sed 's/^/    /' "$probe.log" >&2
    die_if_disk_full
    die "the C compiler (cc) cannot build a small program; its message is above." "$(advice compiler)"
  fi
  rm -f "$probe" "$probe.c" "$probe.log"
}

# libclang_ensure: libclang is at .zava/tools/libclang, where .cargo/config.toml looks for it. Does nothing when
# the caller names one by LIBCLANG_PATH.
libclang_ensure() {
  [ -z "${LIBCLANG_PATH:-}" ] || return 0
  local folder=$tools_dir/libclang headers work
  if ! package_present libclang "$folder"; then
    step "Fetching libclang $(package_version libclang) (25 MB), which compiling the SQL parser needs"
    package_fetch libclang "$folder" flat clang/native/libclang.
  fi
  # The package leaves out the compiler's own headers (stddef.h …): borrow those of the C compiler. Looked at on
  # each build, because an update of the compiler moves them.
  headers=$(cc -print-file-name=include)
  [ -e "$headers/stddef.h" ] || headers=$(cc -print-resource-dir 2>/dev/null)/include
  [ -e "$headers/stddef.h" ] ||
    die "the C compiler does not say where its headers are (cc -print-file-name=include)." "$(advice compiler)"
  if [ "$(readlink "$folder/include" || true)" != "$headers" ]; then
    work=$folder/.include.$$
    ln -s "$headers" "$work" && rm -f "$folder/include" && mv "$work" "$folder/include" ||
      die "could not link $folder/include to $headers."
  fi
}

# build_server: builds the release binary when its sources changed; cargo's output is visible. Afterwards
# server_binary prints the path, wherever the caller's cargo configuration puts it.
build_server() {
  build_needed || return 0
  libclang_ensure
  step "Building the server (cargo build --release; the first time takes several minutes)"
  : > "$build_stamp.new" || die_unwritable "$build_stamp"
  touch -r "$build_stamp.new" "$run_dir/build-began"
  if ! run_step loud build_run; then
    die_if_disk_full
    die "the build failed; cargo's own message is above." \
      "Correct what it names and run this again: what is compiled already stays compiled."
  fi
  local binary
  binary=$(sed -n 's/.*"executable":"\([^"]*zava-mcp-server\)".*/\1/p' "$run_dir/build.json" | tail -n 1)
  [ -x "$binary" ] || die "cargo built no zava-mcp-server; see $run_dir/build.json."
  printf '%s\n' "$binary" > "$build_stamp.new"
  touch -r "$run_dir/build-began" "$build_stamp.new" # so that a file changed while cargo ran counts as newer
  mv -f "$build_stamp.new" "$build_stamp"
}

build_run() {
  cd "$repo_root" &&
    cargo build --release --locked --message-format=json-render-diagnostics > "$run_dir/build.json"
}
