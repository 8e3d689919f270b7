"""Known vulnerabilities of what is locked: `python -m tests.audit`.

pip-audit alone calls it clean when the service answers for no package at all, as mirrors of PyPI
do, and fails when there is no network. Here the one is told, and neither fails the gate: a known
vulnerability does, and so does a lock that cannot be read.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LOCKS = [Path("requirements/runtime.txt"), Path("requirements/dev.txt")]
PATIENCE = 180
UNREACHED = ("requests.exceptions.", "ConnectionError", "ServiceError", "blocking this service")
"""What stands in pip-audit's errors when the service, and not the lock, is at fault."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the gate holds, and what there is to say."""

    holds: bool
    text: str


def judge(report: str, errors: str) -> Verdict:
    """A verdict of pip-audit's report in JSON, empty if it made none, and its errors."""
    if not report.strip():
        if any(sign in errors for sign in UNREACHED):
            return skipped("the service of known vulnerabilities cannot be reached")
        return Verdict(False, f"audit: failed: {errors.strip()}")
    dependencies = json.loads(report)["dependencies"]
    found = [
        f"audit: {one['name']} {one['version']}: {known['id']}; fixed in "
        f"{', '.join(known['fix_versions']) or 'no version'}"
        for one in dependencies
        for known in one.get("vulns", ())
    ]
    unknown = [one["name"] for one in dependencies if "skip_reason" in one]
    if found:
        return Verdict(False, "\n".join(found))
    if len(unknown) == len(dependencies):
        return skipped("the service answers for none of the packages (is it a mirror?)")
    told = f"; not known to the service: {', '.join(unknown)}" if unknown else ""
    return Verdict(True, f"audit: {len(dependencies)} packages, no known vulnerability{told}")


def skipped(why: str) -> Verdict:
    """Nothing was learnt, for no fault of the tree."""
    return Verdict(True, f"audit: SKIPPED, nothing was checked: {why}")


def main() -> int:
    """Audit the locks; 1 if the gate does not hold."""
    locks = [word for lock in LOCKS for word in ("--requirement", str(lock))]
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", *locks]
    quiet = ["--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(
            [*command, *quiet], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        verdict = skipped("the service of known vulnerabilities does not answer in time")
    else:
        verdict = judge(done.stdout, done.stderr)
    print(verdict.text, file=sys.stdout if verdict.holds else sys.stderr)
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
