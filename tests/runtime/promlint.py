"""The checks of `promtool check metrics`, after promlint of prometheus/client_golang."""

import re
from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric

UNITS = {
    "milliseconds": "seconds",
    "microseconds": "seconds",
    "minutes": "seconds",
    "hours": "seconds",
    "days": "seconds",
    "kilobytes": "bytes",
    "megabytes": "bytes",
    "bits": "bytes",
    "percent": "ratio",
    "percents": "ratio",
}
ABBREVIATED = re.compile("s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d")
TYPES = frozenset(("gauge", "counter", "summary", "histogram"))


def problems(families: Iterable[Metric]) -> list[str]:
    """What promtool would say, a line each."""
    return [f"{one.name}: {text}" for one in families for text in _problems(one)]


def _problems(one: Metric) -> Iterator[str]:
    if not one.documentation:
        yield "no help text"
    if one.type == "unknown":
        yield "no type"
    if not re.fullmatch("[a-z0-9_]+", one.name):
        yield "names are in snake_case, and colons are for recording rules"
    for word in one.name.split("_"):
        yield from _word_problems(word)
    yield from _suffix_problems(one)
    reserved = {"le": "histogram", "quantile": "summary"}
    for label in {label for sample in one.samples for label in sample.labels}:
        if one.type != reserved.get(label, one.type):
            yield f"{label} is a label of a {reserved[label]}"


def _word_problems(word: str) -> Iterator[str]:
    if word in UNITS:
        yield f"use {UNITS[word]} instead of {word}"
    if ABBREVIATED.fullmatch(word):
        yield f"write the unit {word} in full"
    if word in TYPES:
        yield f"{word} is the type, not part of the name"


def _suffix_problems(one: Metric) -> Iterator[str]:
    """The parser has taken `_total` off counters, and `_info` off nothing."""
    if one.type == "counter":
        if any(not sample.name.endswith("_total") for sample in one.samples):
            yield "counters end in _total"
    elif one.name.endswith("_total"):
        yield "only counters end in _total"
    if one.type not in ("histogram", "summary") and one.name.endswith(
        ("_count", "_sum", "_bucket")
    ):
        yield "only histograms and summaries have such suffixes"
