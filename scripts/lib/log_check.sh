# shellcheck shell=bash
# Looks for what no log may hold: secrets, tokens, the text of statements.
# Sourced by scripts/test; needs the settings exported.

# log_check FILE CHOSEN: says which lines hold what, and fails. An empty file fails too, unless tests were chosen by name and
# none of them started a server (CHOSEN is not empty).
log_check() {
  python3 - "$@" <<'PYTHON'
import os
import re
import sys

# As written, and as any part of a longer text.
secrets = {name: os.environ[name] for name in os.environ if name.endswith("_PASSWORD")}
secrets["ZAVA_SIGNING_KEY"] = os.environ["ZAVA_SIGNING_KEY"].split(":", 1)[1]
patterns = {name: re.escape(value) for name, value in secrets.items()}
patterns["a token"] = r"eyJ[\w-]{10,}\.[\w-]{10,}"
patterns["an API key"] = r"zava_[a-z0-9]{12}_[\w-]{20,}"
patterns["the text of a statement"] = r"(?i:\bselect\s|\bfrom\s+retail\.|pg_sleep|generate_series)"
patterns["an address of a customer"] = r"[\w.]+@example\.(com|net|org)"
# The server's own: a finding of the posture check tells the operator which statement corrects it.
own_statement = "zava_mcp_server::query::scope::posture: nothing is served until this is mended "


def any_of(names):
    return re.compile("|".join(f"(?P<p{list(patterns).index(name)}>{patterns[name]})" for name in names))


of_any_line = any_of(patterns)
of_findings = any_of([name for name in patterns if name != "the text of a statement"])

lines, found = 0, []
with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
    for lines, line in enumerate(log, 1):
        match = (of_findings if own_statement in line else of_any_line).search(line)
        if match:
            found.append((lines, list(patterns)[int(match.lastgroup[1:])], line.rstrip()[:400]))
for number, what, line in found[:20]:
    print(f"{sys.argv[1]}:{number} holds {what}: {line}", file=sys.stderr)
may_be_empty = sys.argv[2] != ""
if not lines and not may_be_empty:
    print(f"{sys.argv[1]} is empty: no server has logged anything", file=sys.stderr)
sys.exit(1 if found or not (lines or may_be_empty) else 0)
PYTHON
}
