"""The engine in this process, with the credentials of whoever runs it.

The only place where ambient credentials meet the engine. Every object is fetched, nothing is
remembered.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from provider.ask import Asker
from provider.aws import retries
from provider.aws.credentials.ambient import Ambient, caller
from provider.aws.credentials.assumed_role import AssumedRole, Assumption
from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.stores import stores
from provider.aws.sts import Sts
from provider.aws.transport import Transport
from provider.tools.request import Request
from provider.csi.config import Config
from provider.credential_cache import CredentialCache
from provider.credentials import Credentials, Identity, Principal
from provider.deadline import Deadline
from provider.errors import InvalidRequest, NotAuthenticated, RegionUnknown
from provider.fetch import Fetcher
from provider.lanes import Lanes
from provider.memory import Memory
from provider.csi.mount import Delivery, Mounter
from provider.aws.arn import partition_of
from provider.csi.request.attributes import parse_mount
from provider.csi.request.model import MountSpec, Pod

_WIDTH = 16
"""AWS calls at a time."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Myself:
    """Whoever runs this, whatever pod the request is for."""

    ambient: Ambient
    arn: str
    sts: Sts
    lanes: Lanes

    def identify(self, spec: MountSpec, region: str, deadline: Deadline) -> Principal:  # noqa: ARG002
        """The caller, in the pod's place, who assumes the role that the class may ask for."""
        pod, role = spec.pod, spec.klass.assume_role
        identity = Identity(
            "ambient", pod.namespace, pod.service_account, partition_of(region), role=self.arn
        )
        if role is None:
            return Principal(identity, self.ambient)
        assumption = Assumption(role, identity)
        source = AssumedRole(self.sts, self.lanes.submit, self, assumption, (region,))
        return Principal(identity._replace(assumes=role), source)

    def get(self, deadline: Deadline) -> Credentials:
        """See `OwnCredentials.get`."""
        return self.ambient.fetch(deadline)

    def drop(self, credentials: Credentials) -> None:
        """See `OwnCredentials.drop`: nothing is kept here."""

    def require_token(self, spec: MountSpec) -> None:
        """No token is needed."""


def mount(request: Request, *, profile: str | None, timeout: float, say: Say) -> Delivery:
    """The files that the class comes to for the caller; raises `ProviderError`.

    `say` is told whose credentials they are and what of the class is ignored.
    """
    deadline = Deadline.after(timeout)
    ambient = Ambient(profile)
    spec = parse_mount(
        attributes=request.attributes,
        secrets="",
        permission=request.permission,
        target_path=request.target_path,
        default_region=os.environ.get("AWS_REGION") or ambient.region,
    )
    for warning in spec.klass.warnings:
        say(f"warning: {warning}")
    if spec.klass.region is None:
        raise RegionUnknown(_NO_REGION)
    try:
        transport = Transport.from_environment(os.environ, _WIDTH)
        attempts = retries.max_attempts(os.environ)
        client = AwsClient(Endpoints(os.environ), transport, lambda *_: None, attempts)
    except ValueError as error:
        raise InvalidRequest(f"environment: {error}") from error
    lanes = Lanes(_WIDTH)
    try:
        arn = _who_am_i(client, ambient, spec.klass.region, deadline, say)
        myself = Myself(ambient, arn, Sts(client), lanes)
        return _mounter(client, myself, lanes).mount(spec, deadline=deadline, arrived=monotonic())
    finally:
        lanes.close()
        transport.close()


_NO_REGION = (
    "no region: neither the class nor AWS_REGION nor the profile names one. Add --set region=…"
)


def _who_am_i(
    client: AwsClient, ambient: Ambient, region: str, deadline: Deadline, say: Say
) -> str:
    """Say whose the credentials are. STS may be out of reach where the stores are not."""
    credentials = ambient.fetch(deadline)
    arn = f"access key {credentials.access_key_id}"
    try:
        arn = caller(client, region, credentials, deadline)
    except NotAuthenticated as error:
        say(f"credentials: your own, {arn} ({error})")
    else:
        say(f"credentials: your own, {arn}")
    return arn


def _mounter(client: AwsClient, myself: Myself, lanes: Lanes) -> Mounter:
    asker = Asker(
        stores(client),
        memory=Memory(0),
        lanes=lanes,
        credentials=CredentialCache(),
        observe=lambda _event: None,
    )
    return Mounter(
        identifier=myself,
        fetcher=Fetcher(asker),
        node_region=_no_node,
        interval=0.0,
        max_bytes=Config().max_response_bytes,
    )


def _no_node(_pod: Pod, _deadline: Deadline) -> str:
    raise RegionUnknown(_NO_REGION)
