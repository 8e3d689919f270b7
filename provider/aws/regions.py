"""The rule for names of regions, and the partition of a region."""

import re
from difflib import get_close_matches
from typing import NamedTuple

PATTERN = "(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*"
"""Of the name of a region, as a regular expression. It becomes a label in a host name."""
RULE = "an AWS region: lowercase letters, digits and single hyphens, such as eu-west-1"
"""The same in words."""
_REGION = re.compile(PATTERN)


class Partition(NamedTuple):
    """A partition and the domains of its endpoints."""

    name: str
    prefix: str
    """With a hyphen, what the names of its regions begin with."""
    domain: str
    dual_stack_domain: str


_AWS = Partition("aws", "", "amazonaws.com", "api.aws")
_OTHERS = (
    Partition("aws-cn", "cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    Partition("aws-us-gov", "us-gov", "amazonaws.com", "api.aws"),
    Partition("aws-iso", "us-iso", "c2s.ic.gov", "api.aws.ic.gov"),
    Partition("aws-iso-b", "us-isob", "sc2s.sgov.gov", "api.aws.scloud"),
    Partition("aws-iso-e", "eu-isoe", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition("aws-iso-f", "us-isof", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    Partition("aws-eusc", "eusc", "amazonaws.eu", "api.amazonwebservices.eu"),
)

_NAMES = """
af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1
ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5
ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 cn-north-1 cn-northwest-1 eu-central-1
eu-central-2 eu-isoe-west-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3
eusc-de-east-1 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 sa-east-1 sa-west-1
us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-iso-east-1 us-iso-west-1 us-isob-east-1
us-isob-west-1 us-isof-east-1 us-isof-south-1 us-west-1 us-west-2
"""
KNOWN_REGIONS = frozenset(_NAMES.split())
"""The regions of all partitions at the time of this release. AWS adds some each year."""


def is_region(text: str) -> bool:
    """Whether `text` can be the name of a region, also of one that is not known yet."""
    return _REGION.fullmatch(text) is not None


def closest_region(text: str) -> str | None:
    """The known region whose name `text` resembles; None if it resembles none."""
    close = get_close_matches(text, sorted(KNOWN_REGIONS), n=1, cutoff=0.75)
    return close[0] if close else None


def region_fault(text: str) -> str | None:
    """Why `text` cannot be the name of a region; None if it can."""
    if is_region(text):
        return None
    return f"{text[:80]!r} is not {RULE}"


def partition(region: str) -> Partition:
    """The partition that `region` lies in, by the prefix of its name; `aws` for all others."""
    found = (one for one in _OTHERS if region.startswith(f"{one.prefix}-"))
    return next(found, _AWS)


def partition_of(region: str) -> str:
    """The name of the partition that `region` lies in, such as `aws-cn`."""
    return partition(region).name
