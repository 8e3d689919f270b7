"""The testbed's fakes as fixtures, each empty and started."""

from collections.abc import Iterator

import pytest

from testbed.aws import FakeAws


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """A fake AWS; set it up through `aws.cloud`, break it through `aws.faults`."""
    with FakeAws() as fake:
        yield fake
