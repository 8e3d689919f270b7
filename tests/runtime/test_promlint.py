"""The linter itself finds what promtool finds."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.runtime.promlint import problems

GOOD = """\
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total 1
# HELP age_seconds Age.
# TYPE age_seconds gauge
age_seconds 1
"""


def said(page: str) -> list[str]:
    return problems(text_string_to_metric_families(page))


def test_what_is_good_is_left_alone() -> None:
    assert said(GOOD) == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("# TYPE a gauge\na 1\n", "no help text"),
        ("# HELP a A.\na 1\n", "no type"),
        ("# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n", "only counters"),
        ("# HELP a_ms A.\n# TYPE a_ms gauge\na_ms 1\n", "in full"),
        ("# HELP a_milliseconds A.\n# TYPE a_milliseconds gauge\na_milliseconds 1\n", "seconds"),
        ("# HELP a_gauge A.\n# TYPE a_gauge gauge\na_gauge 1\n", "is the type"),
        ("# HELP aB A.\n# TYPE aB gauge\naB 1\n", "snake_case"),
        ("# HELP a_count A.\n# TYPE a_count gauge\na_count 1\n", "suffixes"),
        ('# HELP a A.\n# TYPE a gauge\na{le="1"} 1\n', "is a label of"),
    ],
    ids=lambda value: value if "#" not in value else "",
)
def test_what_is_not_is_told(page: str, text: str) -> None:
    assert text in " ".join(said(page))
