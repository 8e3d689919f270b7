# ruff: noqa: ARG002 - what stands in for parts of the engine takes what they take
"""A mount without AWS: the daemon's own engine over an AWS that answers everything.

So that what is told of its calls is what it does, whatever the class asks for. Nothing leaves the
process; values are empty JSON objects, from which nothing is extracted.
"""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import Any, Self
from urllib.parse import parse_qs

from provider.ask import Asker
from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.network import Proxies
from provider.aws.credentials.pod_identity import Agent
from provider.aws.stores import stores
from provider.aws.sts import Sts
from provider.aws.transport import Transport
from provider.csi.config import Config
from provider.credential_cache import CredentialCache
from provider.credentials import Credentials, Principal
from provider.deadline import Deadline
from provider.fetch import Fetcher, Regions
from provider.http.connection import Request
from provider.http.origin import Origin
from provider.http.response import Reply
from provider.csi.identity import AUDIENCES, Identifier
from provider.lanes import Lanes
from provider.memory import Memory
from provider.question import Freshness, Question
from provider.csi.request.model import AddressType, ClassSpec, MountSpec, Pod

NODE_REGION = "node-region"
"""Stands for the node's own region, where nothing says which that is."""

_MEMORY = 1024 * 1024
_SECONDS = 30.0
_VERSION = "0" * 32


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One request, and what is asked for in it."""

    service: str
    operation: str
    region: str
    host: str
    names: tuple[str, ...] = ()
    detail: str = ""
    """Which version of it, where one is named."""

    @property
    def action(self) -> str:
        """As IAM spells it."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a pod's first mount calls, and what a remount does once the interval is over."""

    identity: str
    """Whom AWS will see."""
    first: Sequence[Call]
    remount: Sequence[Call]


def rehearse(spec: ClassSpec, pod: Pod, role: str) -> Rehearsal:
    """Mount twice, as `pod`, whose service account has this role where the class needs one."""
    calls: list[Call] = []
    labels = {ref.label for obj in spec.objects for ref in (obj.ref, obj.failover) if ref}
    with _Engine(calls, role, [label for label in labels if label]) as engine:
        principal = engine.identify(spec, pod)
        arrived = monotonic()
        engine.ask(spec, principal, Freshness.first_mount(arrived))
        first, calls[:] = sorted(calls), []
        engine.ask(spec, principal, Freshness.remount(monotonic(), 0.0))
        return Rehearsal(str(principal.identity), first, sorted(calls))


class _Engine:
    """The parts of the engine that decide which calls are made."""

    def __init__(self, calls: list[Call], role: str, labels: Sequence[str]) -> None:
        transport = _Transport(calls, labels)
        client = AwsClient(Endpoints({}), transport, lambda *_: None)
        self._lanes = Lanes(4)
        credentials = CredentialCache()
        asker = Asker(
            stores(client),
            memory=Memory(_MEMORY),
            lanes=self._lanes,
            credentials=credentials,
            observe=lambda _event: None,
        )
        self._fetcher = Fetcher(asker)
        self._identifier = Identifier(
            roles=_Roles(calls, role),
            sts=Sts(client),
            start=_at_once,
            agent=_Agent(calls),
            credentials=credentials,
        )
        self._deadline = Deadline.after(_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lanes.close()

    def identify(self, spec: ClassSpec, pod: Pod) -> Principal:
        """The pod's identity."""
        tokens = dict.fromkeys(AUDIENCES.values(), "token")
        mount = MountSpec(pod=pod, class_name="", target_path="", tokens=tokens, klass=spec)
        return self._identifier.identify(mount, spec.region or NODE_REGION, self._deadline)

    def ask(self, spec: ClassSpec, principal: Principal, freshness: Freshness) -> None:
        """Fetch, or find current, all objects."""
        regions = Regions(spec.region or NODE_REGION, spec.failover_region)
        self._fetcher.fetch(spec.objects, regions, Question(principal, freshness, self._deadline))


class _Transport(Transport):
    """Sends nothing, notes everything."""

    def __init__(self, calls: list[Call], labels: Sequence[str]) -> None:
        super().__init__(tls=ssl.create_default_context(), proxies=Proxies({}), max_in_flight=1)
        self._calls = calls
        self._labels = labels

    def post(self, origin: Origin, request: Request, deadline: Deadline) -> Reply:
        """The answer of an AWS that has all that it is asked for."""
        target = next(
            (text for name, text in request.headers.items() if name == "X-Amz-Target"), ""
        )
        detail = ""
        if target:
            asked = json.loads(request.body)
            operation = target.rpartition(".")[2]
            names, detail = tuple(_names(asked)), _version(asked)
            answer = json.dumps(_answer(operation, asked, self._labels)).encode()
        else:
            form = {name: texts[0] for name, texts in parse_qs(request.body.decode()).items()}
            operation, names = form["Action"], (form.get("RoleArn", ""),)
            answer = _credentials(operation)
        service, _, region = origin.host.partition(".")
        region = region.partition(".amazonaws")[0]
        self._calls.append(Call(service, operation, region, origin.host, names, detail))
        return Reply(200, {}, answer)


def _names(asked: Mapping[str, Any]) -> Iterator[str]:
    for key in ("SecretId", "Path"):
        if key in asked:
            yield asked[key]
    yield from asked.get("Names", ())


def _version(asked: Mapping[str, Any]) -> str:
    return " ".join(asked[key] for key in ("VersionId", "VersionStage") if key in asked)


def _answer(operation: str, asked: Mapping[str, Any], labels: Sequence[str]) -> Mapping[str, Any]:
    if operation == "GetParameters":
        return {"Parameters": [_parameter(name) for name in asked["Names"]]}
    if operation == "GetParametersByPath":
        return {"Parameters": [_parameter(f"{asked['Path'].rstrip('/')}/name")]}
    stages = {_VERSION: ["AWSCURRENT", *labels]}
    return {"VersionId": _VERSION, "SecretString": "{}", "VersionIdsToStages": stages}


def _parameter(name: str) -> Mapping[str, Any]:
    """A parameter by the name, and the selector, that it was asked for."""
    start = len(":".join(name.split(":", 5)[:5])) + 1 if name.startswith("arn:") else 0
    plain, colon, selector = name[start:].partition(":")
    plain = name[:start] + plain
    return {
        "Name": plain,
        "ARN": plain,
        "Selector": colon + selector,
        "Value": "{}",
        "Version": 1,
    }


def _credentials(operation: str) -> bytes:
    expiration = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    keys = {
        "AccessKeyId": "id",
        "SecretAccessKey": "key",
        "SessionToken": "token",
        "Expiration": expiration,
    }
    held = "".join(f"<{name}>{text}</{name}>" for name, text in keys.items())
    inner = f"<{operation}Result><Credentials>{held}</Credentials></{operation}Result>"
    return f"<{operation}Response>{inner}</{operation}Response>".encode()


class _Roles:
    """The service account's annotation."""

    def __init__(self, calls: list[Call], role: str) -> None:
        self._calls = calls
        self._role = role

    def role_arn(self, namespace: str, service_account: str, deadline: Deadline) -> str:
        """The role, for which the Kubernetes API is asked."""
        names = (f"{namespace}/{service_account}",)
        self._calls.append(Call("kubernetes", "get serviceaccounts", "", "", names))
        return self._role


class _Agent(Agent):
    """The EKS Pod Identity agent of the node."""

    def __init__(self, calls: list[Call]) -> None:
        config = Config()
        super().__init__(config.pod_identity_ipv4_endpoint, config.pod_identity_ipv6_endpoint)
        self._calls = calls

    def fetch(
        self,
        token: str,
        address_type: AddressType,
        deadline: Deadline,
        *,
        probing: bool = False,
    ) -> Credentials:
        """Credentials, at the address that is asked first."""
        host = "[fd00:ec2::23]" if address_type == "ipv6" else "169.254.170.23"
        self._calls.append(Call("pod identity agent", "GET /v1/credentials", "", host))
        return Credentials("id", "key", "token", time() + 3600)


def _at_once(_region: str, call: Callable[[], Credentials]) -> Future[Credentials]:
    done: Future[Credentials] = Future()
    done.set_result(call())
    return done
