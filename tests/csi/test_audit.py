"""The audit log: one line for a delivery, with everything but values."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from provider.csi.audit import delivered
from provider.csi.mount import DeliveredObject, Delivery
from provider.engine.model import MISSING, AssumeRole, SecretValue
from provider.runtime import audit
from tests.csi.test_mount_registry import spec
from tests.fakes.engine import REGION, identity
from tests.loop_watchdog import loop_watchdog

ARN = f"arn:aws:secretsmanager:{REGION}:111122223333:secret:o0-AbCdEf"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    audit.set_up(stream)
    yield stream
    audit.logger.handlers[:] = []
    audit.logger.setLevel(logging.NOTSET)


def delivery(**changes: Any) -> Delivery:
    (obj,) = spec().klass.objects
    one = DeliveredObject.of(obj, SecretValue(b"", "v1", arn=ARN), REGION)
    whole = Delivery((), (one,), identity(), from_memory=False)
    return replace(whole, **changes)


async def test_a_line_names_pod_role_and_secrets(stream: io.StringIO) -> None:
    await delivered(spec(), delivery())
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "SecretsDelivered",
        "namespace": "shop",
        "pod": "web-0",
        "podUid": "uid-0",
        "serviceAccount": "web",
        "class": "db",
        "authentication": "irsa",
        "roles": [identity().role],
        "secrets": [
            {
                "type": "secretsmanager",
                "name": "o0",
                "arn": ARN,
                "version": "v1",
                "region": REGION,
            }
        ],
    }


async def test_the_roles_end_with_the_one_that_reads(stream: io.StringIO) -> None:
    chained = identity()._replace(chain=(AssumeRole("arn:aws:iam::1:role/reader"),))
    await delivered(spec(), delivery(identity=chained))
    assert json.loads(stream.getvalue())["roles"] == [
        identity().role,
        "arn:aws:iam::1:role/reader",
    ]


async def test_a_secret_that_becomes_many_files_is_named_once(stream: io.StringIO) -> None:
    once = delivery()
    await delivered(spec(), replace(once, objects=once.objects * 2000))
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert [one["name"] for one in line["secrets"]] == ["o0"]


async def test_what_does_not_exist_was_not_delivered(stream: io.StringIO) -> None:
    (obj,) = spec().klass.objects
    missing = DeliveredObject.of(obj, MISSING, REGION)
    await delivered(spec(), delivery(objects=(missing,)))
    assert json.loads(stream.getvalue())["secrets"] == []


async def test_nothing_is_written_where_it_is_not_set_up(capfd: pytest.CaptureFixture[str]) -> None:
    await delivered(spec(), delivery())
    assert capfd.readouterr().out == ""


async def test_a_line_has_a_bounded_number_of_secrets(stream: io.StringIO) -> None:
    (obj,) = spec().klass.objects
    many = [
        DeliveredObject.of(obj, SecretValue(b"", f"v{at}", arn=ARN), REGION) for at in range(2000)
    ]
    async with loop_watchdog(0.01):
        await delivered(spec(), delivery(objects=tuple(many)))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) < 16 * 1024
    versions = [one["version"] for line in lines for one in json.loads(line)["secrets"]]
    assert versions == [one.version for one in many]
