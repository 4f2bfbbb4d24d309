"""Runs checkov's checks of Bicep over infra/: check.py FOLDER. Exits with 1 for any finding that
FOLDER/checkov-skips.txt does not accept.

checkov skips a file that it cannot parse, and a check that fails, without an error. So this script
compares the parsed files with those of the folder, and reports both.
"""

import logging
import os
import re
import shutil
import sys
import tempfile

CRASHED = re.compile(r"Failed to run check (\S+) on (\S+?):")


class Crashes(logging.Handler):
    """Collects the checks that could not run."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.found = []

    def emit(self, record):
        self.found.append(record.getMessage())


def templates(folder):
    """The paths of all templates, relative to the folder."""
    return {
        os.path.relpath(os.path.join(path, name), folder)
        for path, _, names in os.walk(folder)
        for name in names
        if name.endswith(".bicep")
    }


def copy(source, target):
    """Copies the templates. checkov fails at typed arrays (`string[]`), which become `array`."""
    for path in templates(source):
        with open(os.path.join(source, path), encoding="utf-8") as file:
            text = re.sub(r"(?m)^((?:param|output) \w+) \w+\[\]", r"\1 array", file.read())
        os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
        with open(os.path.join(target, path), "w", encoding="utf-8") as file:
            file.write(text)


def accepted(folder):
    """The accepted findings: pairs of a check and a file."""
    with open(os.path.join(folder, "checkov-skips.txt"), encoding="utf-8") as file:
        lines = [line.split(None, 2) for line in file if not line.startswith("#")]
    for line in lines:
        if len(line) != 3:
            sys.exit(f"checkov-skips.txt: no reason: {' '.join(line)}")
    return {(check, path) for check, path, _ in lines}


def main(folder):
    # checkov would ask a service of its vendor for guidelines.
    os.environ["CKV_SKIP_PACKAGE_UPDATE_CHECK"] = "true"
    crashes = Crashes()
    logging.getLogger().handlers = [crashes]
    # The imports register the checks.
    import checkov.arm.runner  # noqa: F401
    import checkov.bicep.checks.resource.azure  # noqa: F401
    from checkov.bicep.runner import Runner
    from checkov.runner_filter import RunnerFilter

    work = tempfile.mkdtemp(prefix="zava-checkov.")
    try:
        copy(folder, work)
        runner = Runner()
        report = runner.run(root_folder=work, runner_filter=RunnerFilter(framework=["bicep"]))
    finally:
        shutil.rmtree(work)
    problems = []
    parsed = {os.path.relpath(str(path), work) for path in runner.definitions}
    for path in templates(folder) ^ parsed:
        problems.append(f"{path} was not parsed")
    problems += [f"parsing error: {error}" for error in report.parsing_errors]
    if len(report.passed_checks) < 40:
        problems.append(f"only {len(report.passed_checks)} checks passed; are they registered?")
    found = {(check.check_id, check.file_path.lstrip("/")) for check in report.failed_checks}
    texts = {(check.check_id, check.file_path.lstrip("/")): f"{check.check_name} ({check.resource})" for check in report.failed_checks}
    for message in crashes.found:
        crash = CRASHED.search(message)
        if not crash:
            problems.append(message)
            continue
        finding = (crash.group(1), os.path.relpath(crash.group(2), work))
        found.add(finding)
        texts[finding] = "the check failed"
    skips = accepted(folder)
    problems += [f"{path}: {check}: {texts[check, path]}" for check, path in sorted(found - skips)]
    problems += [f"checkov-skips.txt: {check} finds nothing in {path}" for check, path in sorted(skips - found)]
    if problems:
        sys.exit("checkov:\n  " + "\n  ".join(problems))
    print(f"checkov: {len(parsed)} templates, {len(report.passed_checks)} checks passed, {len(skips)} findings accepted")


main(*sys.argv[1:])
