"""The fields, and the methods without arguments, of the Go structs that templates can use."""

from collections.abc import Mapping

from provider.controller.template.values import Moment, Pair, Uint64, Value, Version


def members(value: Value) -> Mapping[str, Value]:
    """The members of a value by name; none for a value that is no struct."""
    if isinstance(value, Pair):
        return {"Cert": value.cert, "Key": value.key}
    if isinstance(value, Version):
        return {
            "Major": Uint64(value.major), "Minor": Uint64(value.minor),
            "Patch": Uint64(value.patch), "Prerelease": value.prerelease.encode(),
            "Metadata": value.metadata.encode(), "Original": value.original.encode(),
            "String": str(value).encode(),
        }  # fmt: skip
    if isinstance(value, Moment):
        at = value.at
        return {
            "Year": at.year, "Day": at.day, "Hour": at.hour, "Minute": at.minute,
            "Second": at.second, "YearDay": at.timetuple().tm_yday,
            "Nanosecond": at.microsecond * 1000 + value.nanoseconds,
        }  # fmt: skip
    return {}
