"""Explains classes: identity, calls, files and permissions, found by a dry run of the mount."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from provider.csi.identity import AUDIENCES, Identifier, audiences_of
from provider.csi.request.model import Auth, ClassSpec, MountSpec, Pod
from provider.engine.failover import Regions, Wanted
from provider.engine.freshness import Freshness
from provider.engine.trace import Trace
from provider.engine.values import Query
from provider.engine.wiring import Settings, open_engine
from provider.tools.class_files import File
from provider.tools.class_files import files as files_of_class
from provider.tools.ending import has_mistakes
from provider.tools.explain.calls import (
    NODE_REGION,
    UNKNOWN_ROLE,
    CountedCall,
    call_table,
    counted_calls,
    text_of,
    unknown_role,
)
from provider.tools.resources.lookup import Lookup
from provider.tools.sample_aws import Call, SampleAws
from provider.tools.terminal import Column, Paint, printable, table
from provider.tools.validate.classes import Reviewed
from provider.tools.workloads import role_of

_SHARED: Mapping[Auth, str] = {
    "irsa": "all pods of the service account on a node share credentials and values",
    "pod-identity": "each pod has its own credentials, because the session tags name the pod",
    "auto": "EKS Pod Identity if there is an association (assumed here), otherwise IRSA",
}
_REMARKS = {
    "kubernetes:get serviceaccounts": "of the daemon's service account; cached for a minute",
    "pod identity agent:GET /v1/credentials": "given by an association of the service account",
    "sts:AssumeRoleWithWebIdentity": "given by the trust policy of the role",
    "sts:AssumeRole": "the trust policy of the assumed role must allow it too",
    "secretsmanager:DescribeSecret": "optional: without it, a remount fetches the value instead",
}
_WHEN = (
    "FIRST: the first mount of a pod. REMOUNT: a later one after",
    "--rotation-poll-interval; until then, remounts make no calls. Credentials are",
    "cached until they expire.",
)
_KMS = "Customer managed KMS keys also need kms:Decrypt (aws/secretsmanager and aws/ssm do not)."


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known about mounting one class."""

    reviewed: Reviewed
    spec: ClassSpec
    account: str
    """Namespace and name of the service account."""
    is_assumed: bool
    """Whether no pod and no option names the service account."""
    identity: str
    calls: Sequence[CountedCall]

    @property
    def audience(self) -> str:
        """The audience of the pod's token, or two of them."""
        return " or ".join(audiences_of(self.spec.identity_kind))

    def as_text(self, paint: Paint) -> str:
        by_token = f"authenticated by the pod's token for the audience {self.audience}"
        who = [printable(self.identity), by_token, _SHARED[self.spec.identity_kind]]
        files = [
            (printable(one.path), f"{one.mode:04o}", f"{one.object}: {printable(one.source)}")
            for one in files_of_class(self.spec)
        ]
        sections: Mapping[str, Iterable[str]] = {
            "Identity": [*who, *self._unknown()],
            "Calls": [*call_table(self.calls, "REMOUNT"), *_WHEN],
            "Files": table(_FILES, files),
            "Permissions": [*table(_PERMISSIONS, [*self._permissions()]), _KMS],
        }
        return text_of(self.reviewed, sections, paint)

    def as_json(self) -> Mapping[str, object]:
        """JSON for programs. Fields may be added, but none will change."""
        return {
            "class": self.reviewed.name,
            "namespace": self.reviewed.klass.namespace,
            "file": self.reviewed.source.name,
            "identity": {
                "kind": self.spec.identity_kind,
                "name": self.identity,
                "audience": self.audience,
            },
            "unknownRoles": [self.account] if self._lacks_role else [],
            "calls": [one.entry("firstMount", "remount") for one in self.calls],
            "files": [_file_entry(file) for file in files_of_class(self.spec)],
            "permissions": [
                {"action": action, "resources": list(names), "remark": _REMARKS.get(action, "")}
                for action, names in self._needed().items()
            ],
        }

    @property
    def _lacks_role(self) -> bool:
        return any(UNKNOWN_ROLE in one.call.names for one in self.calls)

    def _unknown(self) -> Iterator[str]:
        """What the files do not say, and how to give it."""
        if self.is_assumed:
            yield f"No pod in the files mounts the class: {self.account} is assumed. Add the pod"
            yield "and its ServiceAccount to the files, or --service-account NAME."
        elif self._lacks_role:
            yield from unknown_role(self.account)
        if any(one.call.region == NODE_REGION for one in self.calls):
            yield "The region is not known, because the class names none: add --region REGION."

    def _needed(self) -> Mapping[str, Sequence[str]]:
        needed: dict[str, dict[str, None]] = {}
        for one in self.calls:
            needed.setdefault(one.call.action, {}).update(dict.fromkeys(one.names))
        return {action: list(names) for action, names in needed.items()}

    def _permissions(self) -> Iterator[Sequence[str]]:
        for action, names in self._needed().items():
            for index, name in enumerate(names or [""]):
                remark = _REMARKS.get(action, "") if index == 0 else ""
                yield (action if index == 0 else "", printable(name), remark)


_FILES = (Column("FILE"), Column("MODE"), Column("FROM"))
_PERMISSIONS = (Column("ACTION"), Column("ON"), Column("REMARK"))


def _file_entry(file: File) -> Mapping[str, object]:
    return {
        "path": file.path,
        "several": file.several is not None,
        "mode": f"{file.mode:04o}",
        "object": file.object,
        "from": file.source,
    }


def explain(reviewed: Reviewed, files: Lookup, namespace: str, account: str | None) -> Explained:
    """The explanation of one class.

    An empty namespace is that of the class. `account` is the service account of a pod that mounts
    it; None: not known. Raises `CommandFailed` if the class has mistakes.
    """
    spec = reviewed.spec
    if spec is None:
        raise has_mistakes(reviewed.manifest.path, reviewed.source.name)
    namespace = namespace or reviewed.klass.namespace or "default"
    is_assumed, account = account is None, account or "default"
    found = files.manifest("ServiceAccount", namespace, account)
    role = role_of(found) if found else ""
    pod = Pod(namespace=namespace, name="pod", uid="uid", service_account=account)
    identity, calls = asyncio.run(_mount_twice(spec, pod, role or UNKNOWN_ROLE))
    return Explained(reviewed, spec, f"{namespace}/{account}", is_assumed, identity, calls)


_SECONDS = 30.0


class Everything:
    """Every secret and parameter that is asked for, as an empty JSON object."""

    def value(self, name: str, version: str) -> str:  # noqa: ARG002 (all have it)
        return "{}"

    def tags(self, name: str) -> Mapping[str, str]:  # noqa: ARG002 (none has any)
        return {}

    def names(self, prefix: str) -> Iterable[str]:
        return [f"{prefix.rstrip('/')}/name"]


async def _mount_twice(spec: ClassSpec, pod: Pod, role: str) -> tuple[str, list[CountedCall]]:
    """The identity that AWS sees, and the calls of a first mount and of one after the interval.

    `role` is the role of the pod's service account, if the class needs one.
    """
    tokens = dict.fromkeys(AUDIENCES.values(), "token")
    mount = MountSpec(pod=pod, class_name="", target_path="", tokens=tokens, klass=spec)
    regions = Regions(spec.region or NODE_REGION, spec.failover_region)
    wanted = [Wanted(one.ref, one.failover) for one in spec.objects]
    refs = (ref for one in spec.objects for ref in (one.ref, one.failover) if ref)
    sample = SampleAws(Everything(), sorted({ref.label for ref in refs if ref.label}))

    async def role_arn(namespace: str, service_account: str) -> str:
        """The role, for which the Kubernetes API would be asked."""
        names = (f"{namespace}/{service_account}",)
        sample.calls.append(Call("kubernetes", "get serviceaccounts", "", "", names))
        return role

    async with open_engine(Settings({}), transport=sample.send) as engine:
        identifier = Identifier(
            role_arn=role_arn, sts=engine.sts, agent=engine.agent, credentials=engine.credentials
        )
        principal = await identifier.identify(mount, regions.primary)

        async def read(freshness: Freshness) -> Sequence[Call]:
            query = Query(principal, freshness, monotonic() + _SECONDS, Trace())
            await engine.reader.read(wanted, regions, query)
            return sample.calls_made()

        first = await read(Freshness.asked_since(monotonic()))
        remount = await read(Freshness.validated_since(monotonic()))
    return str(principal.identity), counted_calls(first, remount)
