"""scripts/audit.py: a known vulnerability fails the check, an unreachable service does not."""

import json
from typing import Any

import pytest

from scripts import audit

CLEAN = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


def report(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


@pytest.mark.parametrize(
    ("dependencies", "passed", "text"),
    [
        ([CLEAN], True, "audit: 1 packages, no known vulnerability"),
        ([CLEAN, UNKNOWN], True, "no known vulnerability; not known to the service: c"),
        ([CLEAN, BAD, UNKNOWN], False, "audit: b 2: CVE-1; fixed in 2.1"),
        ([UNKNOWN, UNKNOWN], True, "SKIPPED, nothing was checked: the service answers for none"),
    ],
    ids=["clean", "partly known", "vulnerable", "a mirror that knows nothing"],
)
def test_a_report_is_judged(dependencies: list[dict[str, Any]], passed: bool, text: str) -> None:
    verdict = audit.judge(report(*dependencies), "")
    assert verdict.passed is passed
    assert text in verdict.text


@pytest.mark.parametrize(
    ("errors", "passed", "text"),
    [
        ("requests.exceptions.ProxyError: Unable to connect", True, "SKIPPED"),
        (
            "ERROR: Could not connect\nERROR: Tip: your network may be blocking this service",
            True,
            "S",
        ),
        ("pip_audit._service.interface.ServiceError", True, "SKIPPED"),
        ("ERROR: requirement a has no hash", False, "audit: failed: ERROR: requirement a has"),
    ],
    ids=["no proxy", "blocked", "503", "a lock that is none"],
)
def test_no_report_fails_only_by_a_fault_of_ours(errors: str, passed: bool, text: str) -> None:
    verdict = audit.judge("", errors)
    assert verdict.passed is passed
    assert text in verdict.text
