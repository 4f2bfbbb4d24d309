# shellcheck shell=bash
# Downloads pinned wheels with pip and unpacks them. Nothing is installed into Python: a wheel is a
# zip file. Versions and SHA-256 hashes are in requirements-*.txt beside this file; pip rejects
# anything else. A folder gets its final name only when it is complete, and its file `.version`
# names its content. If a run is killed, the next one therefore repeats the step.

# python_check: checks that python3 exists and is new enough.
python_check() {
  command -v python3 >/dev/null 2>&1 ||
    die "python3 was not found. It downloads the pinned packages and generates the passwords." "$(advice python)"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null ||
    die "Python 3.9 or newer is required; this is $(python3 --version 2>&1)." "$(advice python)"
}

# pip_check: checks that python3 has pip.
pip_check() {
  python_check
  python3 -m pip --version >/dev/null 2>&1 ||
    die "pip is missing for $(command -v python3) (python3 -m pip does not run)." "$(advice pip)"
}

# advice python|pip|compiler: prints how to install it on this system.
advice() {
  local packages
  case $1:$(uname -s) in
    compiler:Darwin) echo "Install Apple's command line tools: xcode-select --install"; return ;;
    *:Darwin) echo "Install Python 3 (it brings pip): brew install python3, or xcode-select --install"; return ;;
  esac
  case $1 in python) packages='python3 python3-pip' ;; pip) packages=python3-pip ;; compiler) packages=gcc ;; esac
  if command -v apt-get >/dev/null 2>&1; then
    [ "$1" != compiler ] || packages='gcc libc6-dev'
    echo "Install it: sudo apt-get install $packages"
  elif command -v dnf >/dev/null 2>&1; then
    echo "Install it: sudo dnf install $packages"
  elif command -v zypper >/dev/null 2>&1; then
    echo "Install it: sudo zypper install $packages"
  elif command -v pacman >/dev/null 2>&1; then
    case $1 in python) packages='python python-pip' ;; pip) packages=python-pip ;; esac
    echo "Install it: sudo pacman -S $packages"
  else
    echo "Install these with your system's package manager: $packages"
  fi
}

# package_pin NAME: prints the package that requirements-NAME.txt pins, a space, and its version.
package_pin() { sed -n 's/^\([A-Za-z0-9-]*\)==\([^ ]*\).*/\1 \2/p' "$lib_dir/requirements-$1.txt"; }

# package_version NAME: prints the pinned version.
package_version() { sed -n 's/^[A-Za-z0-9-]*==\([^ ]*\).*/\1/p' "$lib_dir/requirements-$1.txt"; }

# package_present NAME FOLDER: succeeds if FOLDER contains the pinned version completely.
package_present() {
  local version=
  [ -r "$2/.version" ] && IFS= read -r version < "$2/.version" || true
  [ -n "$version" ] && [ "$version" = "$(package_version "$1")" ]
}

# package_fetch NAME FOLDER tree|flat PREFIXES [pip option…]: downloads NAME, verifies its hash, and
# unpacks the members whose path starts with one of PREFIXES (separated by |), with their folders or
# side by side. Moves the result to FOLDER atomically. Shows pip's progress.
package_fetch() {
  local name=$1 folder=$2 shape=$3 prefixes=$4 work
  shift 4
  pip_check
  # Removes what killed runs left behind; younger folders may be in use.
  find "$tools_dir" -maxdepth 1 -name ".fetch.*" -mmin +60 -exec rm -rf {} +
  work=$(mktemp -d "$tools_dir/.fetch.XXXXXX") || die "could not create a folder in $tools_dir."
  if ! TMPDIR=$work PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 run_step loud \
    python3 -m pip download --no-deps --only-binary=:all: --require-hashes \
    "$@" -d "$work/wheel" -r "$lib_dir/requirements-$name.txt" >&2; then
    die_if_disk_full "$work"
    die "pip could not download the package for $name on this machine ($(uname -sm)); its message is above." \
      "If there is no network, or a proxy is required: configure pip (pip config, PIP_INDEX_URL, HTTPS_PROXY) and run this again." \
      "If there is no matching distribution: update pip (python3 -m pip install --upgrade pip); Linux requires glibc 2.28 or newer." \
      "If a hash does not match: do not use that file; check which package index pip uses."
  fi
  if ! run_step quiet python3 "$lib_dir/unpack_wheel.py" "$shape" "$work/wheel" "$work/content" "$prefixes" ||
     ! package_version "$name" > "$work/content/.version"; then
    die_if_disk_full "$work"
    die "could not unpack the package for $name into $tools_dir."
  fi
  package_place "$work/content" "$folder"
  rm -rf "$work"
}

# package_place FROM TO: replaces TO by FROM, so that TO is never incomplete, even if it is on
# another file system.
package_place() {
  rm -rf "$2.old" "$2.new"
  if mv "$1" "$2.new" && { [ ! -e "$2" ] || mv "$2" "$2.old"; } && mv "$2.new" "$2"; then
    rm -rf "$2.old"
  else
    die_if_disk_full
    die "could not create $2."
  fi
}

# embedding_model_ensure: installs the embedding model in .zava/tools/embedding-model, unless
# ZAVA_EMBEDDING_MODEL_DIR names another folder. The files are the same in every wheel of the
# version, so the Linux wheel is used on every platform.
embedding_model_ensure() {
  ! setting ZAVA_EMBEDDING_MODEL_DIR >/dev/null || return 0
  local folder=$tools_dir/embedding-model
  ! package_present embedding-model "$folder" || return 0
  step "Fetching the embedding model (wordllama $(package_version embedding-model), 20 MB)"
  package_fetch embedding-model "$folder" flat 'wordllama/weights/l2_supercat_256|wordllama/tokenizers/l2_supercat_' \
    --python-version 311 --implementation cp --abi cp311 --platform manylinux2014_x86_64
}
