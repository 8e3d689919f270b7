"""The keys of an ExternalSecret's `dataFrom[].rewrite`."""

from typing import ClassVar, Literal

from provider.controller.resources.table import field, table


@table
class RewriteRegexp:
    """Replace what a regular expression matches."""

    source: str = field("A regular expression (RE2).")
    target: str = field(
        "The replacement; $1 or ${1} are groups. Write ${1}x: $1x is a group named 1x."
    )


@table
class RewriteTransform:
    """Make the new key by a template."""

    template: str = field("A Go template; .value is the key.")


@table
class RewriteMerge:
    """Merge values that are JSON objects."""

    into: str = field(
        "With the strategy JSON: the key that holds the merged object.",
        default="",
        stored={"v1": "", "v1beta1": ""},
    )
    priority: tuple[str, ...] = field(
        "Keys that win a conflict, the last one above all.", default=()
    )
    priority_policy: Literal["Strict", "IgnoreNotFound"] = field(
        "Strict fails if a key of priority does not exist.",
        default="Strict",
        stored={"v1": "Strict"},
    )
    conflict_policy: Literal["Error", "Ignore"] = field(
        "Error fails if two objects have the same key.", default="Error", stored={"v1": "Error"}
    )
    strategy: Literal["Extract", "JSON"] = field(
        "Extract makes a key of each property; JSON one key, into, of the whole object.",
        default="Extract",
        stored={"v1": "Extract"},
    )


@table
class Rewrite:
    """One change of all keys of an entry."""

    regexp: RewriteRegexp | None = field(
        "Replace in each key by a regular expression.", default=None
    )
    transform: RewriteTransform | None = field("Make each key by a template.", default=None)
    merge: RewriteMerge | None = field(
        "Merge all values, which must be JSON objects.", default=None, only_v1=True
    )

    EXTRA: ClassVar = {"minProperties": 1, "maxProperties": 1}
