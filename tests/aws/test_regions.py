"""The table of known regions."""

import json
from pathlib import Path

import botocore
import pytest

from provider.aws.known_regions import KNOWN_REGIONS, closest_region
from provider.aws.regions import is_region, partition_of

_DATA = Path(botocore.__file__).parent / "data" / "partitions.json"
PARTITIONS = {
    partition["id"]: {name for name in partition["regions"] if not name.endswith("-global")}
    for partition in json.loads(_DATA.read_text())["partitions"]
}


def test_the_known_regions_are_those_of_botocore() -> None:
    assert set().union(*PARTITIONS.values()) == KNOWN_REGIONS
    assert all(map(is_region, KNOWN_REGIONS))


def test_each_known_region_lies_in_its_partition() -> None:
    for partition, regions in PARTITIONS.items():
        assert {partition_of(region) for region in regions} <= {partition}


@pytest.mark.parametrize(
    ("text", "meant"),
    [("eu-wets-1", "eu-west-1"), ("us-east1", "us-east-1"), ("nowhere", None)],
)
def test_a_region_that_a_text_resembles(text: str, meant: str | None) -> None:
    assert closest_region(text) == meant
