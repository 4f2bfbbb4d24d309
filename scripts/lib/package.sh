# shellcheck shell=bash
# Lays out the package for Azure Functions, and the build context of the container image. Sourced by
# scripts/package.

executable_name=zava-mcp-server # as in host.json, defaultExecutablePath
function_names='mcp refresh-embeddings' # the folders in function/
glibc_version=2.28 # an executable in a zip file may need this one, or an older one

# package_folder BINARY FOLDER: writes the package into FOLDER, which must be absent, empty or an
# earlier package: whatever else it holds would be deployed.
package_folder() {
  local binary=$1 folder=$2 name other ours
  if [ ! -f "$binary" ] || [ ! -x "$binary" ]; then die "$binary is not an executable file."; fi
  mkdir -p "$folder" || die "could not create the folder $folder; the reason is above."
  # `-quit` and not `head`, which would end a long list, and with it this script, by SIGPIPE.
  ours=(! -path . ! -path ./host.json ! -path "./$executable_name")
  for name in $function_names; do ours+=(! -path "./$name" ! -path "./$name/function.json"); done
  other=$(cd "$folder" && find . "${ours[@]}" -print -quit) || die "could not read the folder $folder; the reason is above."
  [ -z "$other" ] || die "$folder holds something that is not part of the package: ${other#./}" \
    "Name another folder, or remove it."
  package_file "$repo_root/host.json" "$folder/host.json" 644
  for name in $function_names; do
    mkdir -p "$folder/$name" || die_unwritable "$folder/$name"
    package_file "$repo_root/function/$name/function.json" "$folder/$name/function.json" 644
  done
  package_file "$binary" "$folder/$executable_name" 755
}

# package_file FROM TO MODE: copies a file, and then replaces TO, which may be running.
package_file() {
  cp "$1" "$2.new" && chmod "$3" "$2.new" && mv -f "$2.new" "$2" || die_unwritable "$2"
}

# package_zip BINARY FILE: writes the package as a zip file. Equal content gives equal bytes.
package_zip() {
  local binary=$1 file=$2 work
  work=$(mktemp -d "${TMPDIR:-/tmp}/zava-package.XXXXXX") || die_unwritable "${TMPDIR:-/tmp}"
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf '$work'" EXIT
  package_folder "$binary" "$work/package"
  # shellcheck disable=SC2086 # names are words
  python3 - "$work/package" "$executable_name" "$work/package.zip" "$glibc_version" $function_names <<'PYTHON' || exit 1
import os
import re
import sys
import zipfile

folder, executable, target, glibc, *functions = sys.argv[1:]
with open(os.path.join(folder, executable), "rb") as file:
    program = file.read()
# ELF, 64 bits, little-endian, x86-64.
if program[:6] != b"\x7fELF\x02\x01" or program[18:20] != b"\x3e\x00":
    sys.exit("error: the executable is not for Linux on x86-64, which Azure Functions runs.\n"
             "       Build it there, or pass one with --binary. For `func start` here, package a folder.")
# The versions of glibc's symbols that the executable links to; none if it is statically linked.
needed = [int(minor) for minor in re.findall(rb"\0GLIBC_2\.(\d+)(?=[.\0])", program)]
if needed and max(needed) > int(glibc.removeprefix("2.")):
    sys.exit(f"error: the executable needs glibc 2.{max(needed)}; it must start with glibc {glibc}, or be static.\n"
             "       Leave --binary out: the release is then built for it, by Zig. To run the zip on this machine\n"
             f"       only, add --glibc 2.{max(needed)}.")
print(f"    the executable needs {f'glibc 2.{max(needed)}' if needed else 'no glibc'}", file=sys.stderr)
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
    files = ["host.json", *(f"{name}/function.json" for name in functions)]
    for name, mode in [*((name, 0o644) for name in files), (executable, 0o755)]:
        # A fixed time makes the archive reproducible. The mode counts only if the creator is Unix.
        member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        member.create_system, member.external_attr = 3, (0o100000 | mode) << 16
        member.compress_type = zipfile.ZIP_DEFLATED
        with open(os.path.join(folder, name), "rb") as file:
            archive.writestr(member, file.read())
PYTHON
  mkdir -p "$(dirname "$file")" && mv -f "$work/package.zip" "$file" || die_unwritable "$file"
}

# package_container FOLDER: writes the build context of the Dockerfile into FOLDER, which must be
# absent, empty or an earlier context. It has the tracked files, and new ones that git does not
# ignore, that .dockerignore lets through: the same files that `docker build .` reads here.
package_container() {
  local folder=$1 pattern patterns=()
  if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ] && [ ! -f "$folder/.zava-context" ]; then
    die "$folder is not empty, and not an earlier build context." "Name another folder, or remove it."
  fi
  while IFS= read -r pattern; do
    case $pattern in
      ''|'#'*|'*') ;;
      '!'*) patterns+=("${pattern#!}") ;;
      *) patterns+=(":(exclude,glob)$pattern" ":(exclude,glob)$pattern/**") ;;
    esac
  done < "$repo_root/.dockerignore"
  rm -rf "$folder.new"
  (cd "$repo_root" && git ls-files -z --cached --others --exclude-standard -- Dockerfile .dockerignore "${patterns[@]}") |
    python3 -c '
import os, shutil, sys
root, target = sys.argv[1:]
for name in filter(None, sys.stdin.read().split("\0")):
    source, copy = os.path.join(root, name), os.path.join(target, name)
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copyfile(source, copy)
    os.chmod(copy, 0o755 if os.access(source, os.X_OK) else 0o644)
' "$repo_root" "$folder.new" || die_unwritable "$folder"
  : > "$folder.new/.zava-context" || die_unwritable "$folder"
  rm -rf "$folder" && mv "$folder.new" "$folder" || die_unwritable "$folder"
}
