"""Prints the results of the conformance suite as a table, and lists what needs attention.

    report.py RESULTS EXPECTED_FAILURES VERSION…

RESULTS has one folder per specification version, as the suite's --output-dir creates it. EXPECTED_FAILURES is in the
suite's format, with one `scenario:check` per line. Exit code 1 if a check fails or warns unexpectedly, if an expected
failure passes or did not occur in any run, or if a version has no results.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

Check = dict[str, str]
# Checks by scenario, in the order of the run.
Results = dict[str, list[Check]]


def main() -> int:
    """Reads the results, prints the report, returns the exit code."""
    folder, expected_file, *versions = sys.argv[1:]
    expected = read_expected(Path(expected_file))
    runs = {version: read_results(Path(folder) / version) for version in versions}
    print_table(runs, expected)

    failed: list[str] = [f"{version}: no results" for version, results in runs.items() if not results]
    passed: list[str] = []
    met: set[str] = set()
    for version, results in runs.items():
        for scenario, checks in results.items():
            for name, verdict, message in verdicts(scenario, checks):
                if verdict in ("FAILURE", "WARNING"):
                    met.add(name)
                    if name not in expected:
                        failed.append(f"{version}: {name} ({verdict.lower()}): {message}")
                elif verdict == "SUCCESS" and name in expected:
                    passed.append(f"{version}: {name}")
    print_list("Not expected:", failed)
    print_list("Expected to fail, but passes; take it out of the list:", passed)
    gone = sorted(expected - met - {line.split(": ", 1)[1] for line in passed})
    print_list("Expected to fail, but no run has it; take it out of the list:", gone)
    return 1 if failed or passed or gone else 0


def read_expected(file: Path) -> set[str]:
    """The entries of the list, without comments and heading."""
    return set(re.findall(r"^\s*-\s+([^\s#]+)", file.read_text(encoding="utf-8"), re.MULTILINE))


def read_results(folder: Path) -> Results:
    """The suite writes one folder per scenario: server-NAME-TIME/checks.json."""
    results: Results = {}
    for file in sorted(folder.glob("server-*/checks.json"), key=lambda file: file.parent.name[-24:]):
        scenario = re.sub(r"^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$", r"\1", file.parent.name)
        results[scenario] = json.loads(file.read_text(encoding="utf-8"))
    return results


def verdicts(scenario: str, checks: list[Check]) -> list[tuple[str, str, str]]:
    """(`scenario:check`, worst verdict, its message) of each check; a check may have run several times."""
    worst: dict[str, tuple[str, str]] = {}
    order = ["FAILURE", "WARNING", "SUCCESS", "SKIPPED", "INFO"]
    for check in checks:
        found = (check["status"], check.get("errorMessage", ""))
        known = worst.get(check["id"], found)
        worst[check["id"]] = min(found, known, key=lambda verdict: order.index(verdict[0]))
    return [(f"{scenario}:{check}", *verdict) for check, verdict in worst.items()]


def print_table(runs: dict[str, Results], expected: set[str]) -> None:
    """Prints scenarios by versions; a scenario in which only the format of messages was tested is "untested"."""
    print("Checks by scenario. “expected”: fails as listed; “untested”: only the format of its messages was checked.\n")
    scenarios = dict.fromkeys(scenario for results in runs.values() for scenario in results)
    width = max(map(len, scenarios), default=0)
    print("  ".join([" " * width, *(f"{version:<20}" for version in runs)]).rstrip())
    for scenario in scenarios:
        cells = [cell(scenario, results.get(scenario), expected) for results in runs.values()]
        print("  ".join([f"{scenario:<{width}}", *(f"{text:<20}" for text in cells)]).rstrip())


def cell(scenario: str, checks: list[Check] | None, expected: set[str]) -> str:
    """The outcome of one scenario under one version."""
    if checks is None:
        return "–"
    counts: Counter[str] = Counter()
    for name, verdict, _ in verdicts(scenario, checks):
        if verdict in ("FAILURE", "WARNING"):
            counts["expected" if name in expected else "FAILED"] += 1
        elif verdict == "SUCCESS" and name in expected:
            counts["FAILED"] += 1
        elif verdict == "SUCCESS" and not name.endswith(":wire-schema-valid"):
            counts["ok"] += 1
    return ", ".join(f"{counts[word]} {word}" for word in ("ok", "expected", "FAILED") if counts[word]) or "untested"


def print_list(heading: str, lines: list[str]) -> None:
    """Prints a list under a heading; nothing if it is empty."""
    if lines:
        print(f"\n{heading}", *lines, sep="\n  ")


if __name__ == "__main__":
    sys.exit(main())
