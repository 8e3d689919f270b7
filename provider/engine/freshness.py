"""How new a value must be.

A value is as old as the moment at which its request was *sent*: what changed after that moment may
be missing from it. All times are `time.monotonic`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Freshness:
    """The oldest acceptable moment, and whether a validation is as good as a read.

    A validation finds that the remembered version is still the current one.
    """

    since: float
    by_reading: bool

    @classmethod
    def asked_since(cls, moment: float) -> "Freshness":
        """The value itself was asked for at `moment` or later."""
        return cls(moment, by_reading=True)

    @classmethod
    def validated_since(cls, moment: float) -> "Freshness":
        """The value was asked for, or found to be current, at `moment` or later."""
        return cls(moment, by_reading=False)
