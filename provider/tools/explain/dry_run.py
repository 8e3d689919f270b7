"""Mounts a class without AWS: the engine of the daemon against a fake AWS that has everything.

So the calls that are shown are the calls of the daemon, whatever the class asks for. Nothing leaves
the process. All values are empty JSON objects, and nothing is extracted from them.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

from provider.csi.identity import AUDIENCES, Identifier
from provider.csi.request.model import ClassSpec, MountSpec, Pod
from provider.engine.failover import Regions, Wanted
from provider.engine.freshness import Freshness
from provider.engine.trace import Trace
from provider.engine.values import Query
from provider.engine.wiring import Settings, open_engine
from provider.runtime.transport import Reply, Request
from provider.tools.unobserved import Unobserved

NODE_REGION = "node-region"
"""Stands for the region of the node, if the class names none."""

_SECONDS = 30.0
_VERSION = "0" * 32


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One request, and what it asks for."""

    service: str
    operation: str
    region: str
    host: str
    names: tuple[str, ...] = ()
    detail: str = ""
    """The version or stage, if the request names one."""

    @property
    def action(self) -> str:
        """The name of the IAM action."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, slots=True)
class DryRun:
    """The calls of a pod's first mount, and of a remount after the rotation interval."""

    identity: str
    """The identity that AWS sees."""
    first: Sequence[Call]
    remount: Sequence[Call]


def dry_run(spec: ClassSpec, pod: Pod, role: str) -> DryRun:
    """Mount twice as `pod`. `role` is the role of its service account, if the class needs one."""
    return asyncio.run(_mount_twice(spec, pod, role))


async def _mount_twice(spec: ClassSpec, pod: Pod, role: str) -> DryRun:
    tokens = dict.fromkeys(AUDIENCES.values(), "token")
    mount = MountSpec(pod=pod, class_name="", target_path="", tokens=tokens, klass=spec)
    regions = Regions(spec.region or NODE_REGION, spec.failover_region)
    wanted = [Wanted(one.ref, one.failover) for one in spec.objects]
    fake = _FakeAws(role, _labels(spec))
    async with open_engine(Settings({}), Unobserved(), transport=fake.send) as engine:
        identifier = Identifier(
            roles=fake, sts=engine.sts, agent=engine.agent, credentials=engine.credentials
        )
        principal = await identifier.identify(mount, regions.primary)

        async def read(freshness: Freshness) -> Sequence[Call]:
            query = Query(principal, freshness, monotonic() + _SECONDS, Trace())
            await engine.reader.read(wanted, regions, query)
            return fake.calls_made()

        first = await read(Freshness.asked_since(monotonic()))
        remount = await read(Freshness.validated_since(monotonic()))
    return DryRun(str(principal.identity), first, remount)


def _labels(spec: ClassSpec) -> Sequence[str]:
    refs = (ref for one in spec.objects for ref in (one.ref, one.failover) if ref)
    return sorted({ref.label for ref in refs if ref.label})


@dataclass(slots=True)
class _FakeAws:
    """AWS, the EKS Pod Identity agent and the Kubernetes API. Notes every request."""

    role: str
    """The role of every service account."""
    labels: Sequence[str]
    """The staging labels of every secret."""
    calls: list[Call] = field(default_factory=list)

    def calls_made(self) -> Sequence[Call]:
        """The calls since the last time, sorted."""
        made, self.calls = sorted(self.calls), []
        return made

    async def role_arn(self, namespace: str, service_account: str) -> str:
        """The role; see `csi.identity.Roles`."""
        names = (f"{namespace}/{service_account}",)
        self.calls.append(Call("kubernetes", "get serviceaccounts", "", "", names))
        return self.role

    async def send(self, request: Request) -> Reply:
        """The answer of the agent, STS or a store; see `runtime.transport.Transport`."""
        host = urlsplit(request.url).netloc
        headers = {name.lower(): text for name, text in request.headers.items()}
        if request.method == "GET":
            self.calls.append(Call("pod identity agent", "GET /v1/credentials", "", host))
            return _reply(json.dumps(_session("Token")))
        service, _, region = host.partition(".")
        region = region.partition(".amazonaws")[0]
        if target := headers.get("x-amz-target"):
            asked = json.loads(request.body)
            operation, detail = target.rpartition(".")[2], _version(asked)
            self.calls.append(Call(service, operation, region, host, tuple(_names(asked)), detail))
            return _reply(json.dumps(_answer(operation, asked, self.labels)))
        form = {name: texts[0] for name, texts in parse_qs(request.body.decode()).items()}
        operation, names = form["Action"], (form.get("RoleArn", ""),)
        self.calls.append(Call(service, operation, region, host, names))
        return _reply(_credentials(operation))


def _reply(body: str) -> Reply:
    return Reply(200, {"date": format_datetime(datetime.now(UTC), usegmt=True)}, body.encode())


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
    """The parameter with this name and selector."""
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


def _session(token_name: str) -> Mapping[str, str]:
    """The credentials of a session."""
    return {
        "AccessKeyId": "id",
        "SecretAccessKey": "key",
        token_name: "token",
        "Expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }


def _credentials(operation: str) -> str:
    """The answer of STS."""
    session = _session("SessionToken")
    held = "".join(f"<{name}>{text}</{name}>" for name, text in session.items())
    inner = f"<{operation}Result><Credentials>{held}</Credentials></{operation}Result>"
    return f"<{operation}Response>{inner}</{operation}Response>"
