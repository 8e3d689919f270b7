"""Kubernetes label selectors."""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from provider.controller.resources.table import NO_TEXTS, field, table

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PART = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_KEY = re.compile(rf"(?:(?=[^/]{{1,253}}/){_PART}(?:\.{_PART})*/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")


def is_label_key(text: str) -> bool:
    """Whether Kubernetes accepts the text as the key of a label."""
    return _KEY.fullmatch(text) is not None


def is_label_value(text: str) -> bool:
    """Whether Kubernetes accepts the text as the value of a label."""
    return _VALUE.fullmatch(text) is not None


@table
class Requirement:
    """One expression about one label."""

    key: str = field("The label that the expression is about.")
    operator: Operator = field(
        "How the label relates to values: In, NotIn, Exists or DoesNotExist.",
        choices={"v1": (), "v1beta1": ()},
    )
    values: tuple[str, ...] = field(
        "Values for In and NotIn; left out for Exists and DoesNotExist.",
        default=(),
        extra={"x-kubernetes-list-type": "atomic"},
    )

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.operator == "Exists":
            return self.key in labels
        if self.operator == "DoesNotExist":
            return self.key not in labels
        is_in = labels.get(self.key) in self.values
        return is_in if self.operator == "In" else not is_in


@table
class LabelSelector:
    """Labels and expressions that must all fit; without any, every object does."""

    match_labels: Mapping[str, str] = field(
        "Labels with the values they must have.", default=NO_TEXTS
    )
    match_expressions: tuple[Requirement, ...] = field(
        "Expressions about labels; all must hold.",
        default=(),
        extra={"x-kubernetes-list-type": "atomic"},
    )

    EXTRA: ClassVar = {"x-kubernetes-map-type": "atomic"}

    def matches(self, labels: Mapping[str, str]) -> bool:
        equal = all(labels.get(name) == value for name, value in self.match_labels.items())
        return equal and all(one.matches(labels) for one in self.match_expressions)
