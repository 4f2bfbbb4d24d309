# shellcheck shell=bash
# Searches a log for secrets, tokens, personal data and the text of statements, which must not
# occur. Sourced by scripts/test; requires that the settings are exported.

# log_check FILE CHOSEN: prints the lines with such data, and fails if there are any. Also fails if
# the file is empty, unless CHOSEN is not empty: the caller chose tests by name, which may not start
# a server.
log_check() {
  python3 - "$@" <<'PYTHON'
import os
import re
import sys

# The secrets, wherever they occur in a line.
secrets = {name: os.environ[name] for name in os.environ if name.endswith("_PASSWORD")}
secrets["ZAVA_SIGNING_KEY"] = os.environ["ZAVA_SIGNING_KEY"].split(":", 1)[1]
patterns = {name: re.escape(value) for name, value in secrets.items()}
patterns["a token"] = r"eyJ[\w-]{10,}\.[\w-]{10,}"
patterns["an API key"] = r"zava_[a-z0-9]{12}_[\w-]{20,}"
# Keys of the platform that a test sends; "AzFu" is the mark that Azure Functions puts into them.
patterns["a function key"] = r"[\w-]{20,}AzFu[\w-]{6,}"
# The key that the stand-in for embedding services accepts.
patterns["a key of the embedding service"] = "the-key-of-the-embedding-service"
patterns["the text of a statement"] = r"(?i:\bselect\s|\bfrom\s+retail\.|pg_sleep|generate_series)"
patterns["a customer's e-mail address"] = r"[\w.]+@example\.(com|net|org)"
# What the tests' stand-ins for Application Insights and a collector have received. It names commands and
# tables, such as "SELECT retail.orders", and nothing else of a statement.
received = "received telemetry: "
patterns["a part of a statement"] = r"(?i:\bfrom\s+retail\.|\bselect\s+(?:\*|count\()|pg_sleep|generate_series)"
# The server's own: a finding of the posture check tells the operator which statement corrects it.
own_statement = "zava_mcp_server::query::scope::posture: posture rule violated; no data is served until it is fixed "


def any_of(names):
    return re.compile("|".join(f"(?P<p{list(patterns).index(name)}>{patterns[name]})" for name in names))


in_any_line = any_of(patterns)
in_findings = any_of([name for name in patterns if name not in ("the text of a statement", "a part of a statement")])
in_telemetry = any_of([name for name in patterns if name != "the text of a statement"])

lines, found = 0, []
with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
    for lines, line in enumerate(log, 1):
        rules = in_telemetry if line.startswith(received) else in_findings if own_statement in line else in_any_line
        match = rules.search(line)
        if match:
            found.append((lines, list(patterns)[int(match.lastgroup[1:])], line.rstrip()[:400]))
for number, what, line in found[:20]:
    print(f"{sys.argv[1]}:{number} contains {what}: {line}", file=sys.stderr)
may_be_empty = sys.argv[2] != ""
if not lines and not may_be_empty:
    print(f"{sys.argv[1]} is empty: no server logged anything", file=sys.stderr)
sys.exit(1 if found or not (lines or may_be_empty) else 0)
PYTHON
}
