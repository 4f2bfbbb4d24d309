# shellcheck shell=bash
# What is checked besides Rust: shell scripts, spelling and retired words, licenses and origins of dependencies.

# The version of cargo-deny, which has no package but its source.
deny_version=0.20.2

# lint_tools_ensure: shellcheck, typos and cargo-deny are in .zava/tools. Compiling cargo-deny takes minutes, once.
lint_tools_ensure() {
  local name
  for name in shellcheck typos; do
    package_present "$name" "$tools_dir/$name" && continue
    step "Fetching $(package_pin "$name")"
    package_fetch "$name" "$tools_dir/$name" flat "$name"
  done
  [ "$("$tools_dir/cargo-deny/bin/cargo-deny" --version 2>/dev/null)" = "cargo-deny $deny_version" ] && return
  step "Compiling cargo-deny $deny_version"
  cargo install --quiet --locked --debug --root "$tools_dir/cargo-deny" "cargo-deny@$deny_version"
}

# lint_scripts: every shell script of the repository.
lint_scripts() {
  local script scripts=()
  while IFS= read -r script; do scripts+=("$script"); done < <(git ls-files 'scripts/lib/*.sh' && git grep -lE '^#!.*\b(ba)?sh$')
  "$tools_dir/shellcheck/shellcheck" --external-sources "${scripts[@]}"
}

# lint_words: spelling (.typos.toml), and prefixes of constants that say neither unit nor kind.
lint_words() {
  "$tools_dir/typos/typos" --format brief
  ! git grep -nE '\b(MOST|LONGEST|FARTHEST|SHORTEST|WORTH|KEPT)_[A-Z_]+\b' -- '*.rs' ||
    die "these constants need a standard name: MAX_*, MIN_*, *_TIMEOUT, *_TTL, *_BYTES (docs/architecture.md, Glossary)."
}

# lint_dependencies: deny.toml. Advisories need the network beyond the registry, so ci.yml checks them.
lint_dependencies() { "$tools_dir/cargo-deny/bin/cargo-deny" --locked check --hide-inclusion-graph --allow duplicate bans licenses sources; }
