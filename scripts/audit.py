"""Looks for known vulnerabilities of the locked packages: `python -m scripts.audit`.

pip-audit reports success when the service knows none of the packages, as mirrors of PyPI do, and
fails without network. Here both are reported as skipped. A known vulnerability or a lock that
cannot be read fails.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LOCKS = [Path("requirements/runtime.txt"), Path("requirements/dev.txt")]
PATIENCE = 180
UNREACHED = ("requests.exceptions.", "ConnectionError", "ServiceError", "blocking this service")
"""Texts in errors of pip-audit that mean that the service cannot be reached."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the check passes, and the text to print."""

    passed: bool
    text: str


def judge(report: str, errors: str) -> Verdict:
    """The verdict on pip-audit's report in JSON (empty if there is none) and its errors."""
    if not report.strip():
        if any(sign in errors for sign in UNREACHED):
            return skipped("the vulnerability service cannot be reached")
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
    rest = f"; not known to the service: {', '.join(unknown)}" if unknown else ""
    return Verdict(True, f"audit: {len(dependencies)} packages, no known vulnerability{rest}")


def skipped(why: str) -> Verdict:
    """The verdict if the check was not possible."""
    return Verdict(True, f"audit: SKIPPED, nothing was checked: {why}")


def main() -> int:
    """Audit the locks; 1 if the check fails."""
    locks = [word for lock in LOCKS for word in ("--requirement", str(lock))]
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", *locks]
    quiet = ["--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(
            [*command, *quiet], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        verdict = skipped("the vulnerability service does not answer in time")
    else:
        verdict = judge(done.stdout, done.stderr)
    print(verdict.text, file=sys.stdout if verdict.passed else sys.stderr)
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
