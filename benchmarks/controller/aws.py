"""The fake AWS in a process of its own, so that it shares no interpreter with what is measured."""

import contextlib
import json
import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Self

from testbed import tokens
from testbed.aws import FakeAws
from testbed.aws.iam import CONTROLLER_ACTIONS, allow
from testbed.control_plane import AUDIENCES

REGION = "eu-west-1"


@dataclass(frozen=True, slots=True)
class Account:
    """What the process says of itself: where it listens, its user, and the roles by namespace."""

    url: str
    access_key_id: str
    secret_access_key: str
    roles: Mapping[str, str]


class AwsProcess:
    """AWS with the secrets `shared` and `own-0` … of `secrets`; each is a JSON document.

    A role for each of `namespaces` trusts the ServiceAccount `app` there. Every call takes
    `latency` seconds.
    """

    def __init__(self, latency: float, namespaces: Sequence[str], secrets: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(other, latency, namespaces, secrets), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        self.account: Account = self._pipe.recv()
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send("end")
            self._process.join(5)
        self._process.kill()

    def calls(self) -> Mapping[str, int]:
        """How often each operation was called since the start or `clear`."""
        self._pipe.send("calls")
        counts: Mapping[str, int] = self._pipe.recv()
        return counts

    def clear(self) -> None:
        """Count from zero."""
        self._pipe.send("clear")
        self._pipe.recv()


def _serve(pipe: Connection, latency: float, namespaces: Sequence[str], secrets: int) -> None:
    tokens.CLUSTER_ISSUERS.add(AUDIENCES[0])
    aws = FakeAws(latency=latency, keep_calls=False)
    user = aws.cloud.put_user("operator", allow=allow("*", *CONTROLLER_ACTIONS))
    roles = {}
    for namespace in namespaces:
        role = aws.cloud.put_role(
            namespace, trust=[f"{namespace}:app"], allow=allow("*", *CONTROLLER_ACTIONS)
        )
        role.issuer = AUDIENCES[0]
        roles[namespace] = role.arn
    for name in ("shared", *(f"own-{number}" for number in range(secrets))):
        aws.cloud.put_secret(name, json.dumps({"value": f"of {name}"}), region=REGION)
    with aws:
        pipe.send(Account(aws.url, user.access_key_id, user.secret_access_key, roles))
        while (command := pipe.recv()) != "end":
            totals: dict[str, int] = {}
            for (_, operation, _), number in list(aws.journal.totals.items()):
                totals[operation] = totals.get(operation, 0) + number
            if command == "clear":
                aws.journal.clear()
            pipe.send(totals)
