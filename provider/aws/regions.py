"""The rule for names of regions, and the partition of a region."""

import re
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


def is_region(text: str) -> bool:
    """Whether `text` can be the name of a region, also of one that is not known yet."""
    return _REGION.fullmatch(text) is not None


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
