"""AWS within this process, for commands that run the engine without it.

Every request is noted, so that a command can show the calls that the real engine makes. Nothing
leaves the process.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import time
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from provider.runtime.transport import Reply, Request

_VERSION = "0" * 32
_CURRENT = "AWSCURRENT"
_MISSING = {
    "__type": "ResourceNotFoundException",
    "message": "Secrets Manager can't find the specified secret.",
}


class Content(Protocol):
    """What is in Secrets Manager and Parameter Store."""

    def value(self, name: str, version: str) -> str | None:
        """The value of a secret or parameter in a version or with a label; None without one."""
        ...

    def tags(self, name: str) -> Mapping[str, str]:
        """The tags of a secret or parameter."""
        ...

    def names(self, prefix: str) -> Iterable[str]:
        """The names that begin so."""
        ...


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
        return f"{self.service}:{self.operation}"


@dataclass(slots=True)
class SampleAws:
    """AWS and the EKS Pod Identity agent. `labels` are the stages of every secret."""

    content: Content
    labels: Sequence[str] = ()
    calls: list[Call] = field(default_factory=list)

    def calls_made(self) -> Sequence[Call]:
        """The calls since the last time, sorted."""
        made = sorted(self.calls)
        self.calls.clear()
        return made

    async def send(self, request: Request) -> Reply:
        """The answer of the agent, STS, ECR or a store; see `runtime.transport.Transport`."""
        host = urlsplit(request.url).netloc
        headers = {name.lower(): text for name, text in request.headers.items()}
        if request.method == "GET":
            self.calls.append(Call("pod identity agent", "GET /v1/credentials", "", host))
            return _reply(json.dumps(_session("Token")))
        service, region = _endpoint(host)
        if target := headers.get("x-amz-target"):
            asked = json.loads(request.body)
            operation, detail = target.rpartition(".")[2], _version(asked)
            self.calls.append(Call(service, operation, region, host, tuple(_names(asked)), detail))
            is_login = operation == "GetAuthorizationToken"
            answer = _login(service) if is_login else self._answer(operation, asked)
            return _reply(json.dumps(answer), 400 if "__type" in answer else 200)
        form = {name: texts[0] for name, texts in parse_qs(request.body.decode()).items()}
        operation, names = form["Action"], (form["RoleArn"],) if "RoleArn" in form else ()
        self.calls.append(Call(service, operation, region, host, names))
        return _reply(_credentials(operation))

    def _answer(self, operation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == "BatchGetSecretValue":
            return self._batch(asked["SecretIdList"])
        if operation == "GetParameters":
            return self._parameters(asked["Names"])
        if operation in ("ListSecrets", "DescribeParameters", "GetParametersByPath"):
            return self._listed(operation, asked)
        if operation == "ListTagsForResource":
            return {"TagList": _tag_list(self.content.tags(asked["ResourceId"]))}
        return self._secret(asked["SecretId"], asked)

    def _secret(self, name: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        value = self.content.value(name, _version(asked))
        if value is None:
            return _MISSING
        return {
            "Name": name,
            "ARN": f"{name}-sample",
            "VersionId": asked.get("VersionId", _VERSION),
            "SecretString": value,
            "VersionIdsToStages": {_VERSION: [_CURRENT, *self.labels]},
            "Tags": _tag_list(self.content.tags(name)),
        }

    def _batch(self, names: Sequence[str]) -> Mapping[str, Any]:
        found = [(name, self._secret(name, {})) for name in names]
        missing = {"ErrorCode": _MISSING["__type"], "Message": _MISSING["message"]}
        return {
            "SecretValues": [secret for _, secret in found if "Name" in secret],
            "Errors": [{"SecretId": name, **missing} for name, one in found if "Name" not in one],
        }

    def _parameters(self, names: Sequence[str]) -> Mapping[str, Any]:
        found = {name: self._parameter(name) for name in names}
        return {
            "Parameters": [one for one in found.values() if one is not None],
            "InvalidParameters": [name for name, one in found.items() if one is None],
        }

    def _parameter(self, asked: str) -> Mapping[str, Any] | None:
        """The parameter with this name and selector."""
        start = len(":".join(asked.split(":", 5)[:5])) + 1 if asked.startswith("arn:") else 0
        plain, colon, selector = asked[start:].partition(":")
        name = asked[:start] + plain
        value = self.content.value(name, selector)
        if value is None:
            return None
        about = {"Name": name, "ARN": name, "Selector": colon + selector}
        return {**about, "Value": value, "Version": 1}

    def _listed(self, operation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Every name below the path. Tags that are asked for are there."""
        filters = [*asked.get("Filters", ()), *asked.get("ParameterFilters", ())]
        values = {one["Key"]: one["Values"][0] for one in filters}
        path = asked.get("Path") or values.get("Path") or values.get("name") or ""
        keys = [one["Values"][0] for one in filters if one["Key"] == "tag-key"]
        texts = [one["Values"][0] for one in filters if one["Key"] == "tag-value"]
        tags = _tag_list(dict(zip(keys, texts, strict=False)))
        if operation == "ListSecrets":
            names = [*self.content.names(path)]
            return {"SecretList": [{"Name": name, "Tags": tags} for name in names]}
        level = f"{path.rstrip('/')}/" if path.strip("/") else ""
        found = (self._parameter(name) for name in self.content.names(level))
        return {"Parameters": [one for one in found if one is not None]}


def _endpoint(host: str) -> tuple[str, str]:
    """Service and region of a host such as `ssm.eu-west-1.amazonaws.com`."""
    service, _, rest = host.removeprefix("api.").partition(".")
    return service, rest.partition(".amazonaws")[0]


def _reply(body: str, status: int = 200) -> Reply:
    headers = {"date": format_datetime(datetime.now(UTC), usegmt=True)}
    return Reply(status, headers, body.encode())


def _names(asked: Mapping[str, Any]) -> Iterator[str]:
    for key in ("SecretId", "Path", "ResourceId"):
        if key in asked:
            yield asked[key]
    yield from asked.get("Names", ())
    yield from asked.get("SecretIdList", ())


def _version(asked: Mapping[str, Any]) -> str:
    return " ".join(asked[key] for key in ("VersionId", "VersionStage") if key in asked)


def _tag_list(tags: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [{"Key": key, "Value": text} for key, text in tags.items()]


def _login(service: str) -> Mapping[str, Any]:
    """An answer of `ecr`, or of `ecr-public`, which names no registry."""
    token = b64encode(b"AWS:sample").decode()
    login = {"authorizationToken": token, "expiresAt": time() + 43200}
    if service == "ecr-public":
        return {"authorizationData": login}
    endpoint = "https://000000000000.dkr.ecr.sample.amazonaws.com"
    return {"authorizationData": [{**login, "proxyEndpoint": endpoint}]}


def _session(token_name: str) -> Mapping[str, str]:
    return {
        "AccessKeyId": "id",
        "SecretAccessKey": "key",
        token_name: "token",
        "Expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }


def _credentials(operation: str) -> str:
    session = _session("SessionToken")
    held = "".join(f"<{name}>{text}</{name}>" for name, text in session.items())
    inner = f"<{operation}Result><Credentials>{held}</Credentials></{operation}Result>"
    return f"<{operation}Response>{inner}</{operation}Response>"
