"""The Secrets Store CSI driver and kubelet as the provider meets them.

Sends what driver 1.6 (or 1.5) sends, makes of the answer what it makes of it, and keeps the books
that kubelet keeps: a first mount that ends in certain codes leaves the directory behind, and driver
1.6 then takes the next call for a remount, whose failures it hides.
"""

import json
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import grpc

from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1 import service_pb2_grpc as stubs
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token
from testbed.volume import InvalidPayload, Payload, Volume

DriverVersion = Literal["1.5", "1.6"]
_PREFIX = "csi.storage.k8s.io/"
_TOKENS = f"{_PREFIX}serviceAccount.tokens"
_MAX_RECEIVE = 4 * 1024 * 1024
_UNCERTAIN = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
}
"""After these kubelet cannot know whether the volume is mounted and keeps its directory."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod with one volume of secrets."""

    namespace: str = "shop"
    name: str = "web-1"
    service_account: str = "web"
    uid: str = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True, slots=True)
class MountRefused:
    """The mount failed, as the pod's event tells it."""

    code: grpc.StatusCode
    message: str


@dataclass(frozen=True, slots=True)
class Mounted:
    """The pod runs with these files; `hidden` is a failed remount that driver 1.6 keeps quiet."""

    files: dict[str, bytes] = field(repr=False)
    modes: dict[str, int]
    versions: dict[str, str]
    changed: bool = False
    hidden: MountRefused | None = None


@dataclass(slots=True)
class Books:
    """What driver and kubelet remember of a volume."""

    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """How the cluster is set up."""

    version: DriverVersion = "1.6"
    tokens_in: Literal["attributes", "secrets"] = "attributes"
    """Kubernetes 1.35 and later may hand tokens over as secrets."""
    audiences: Sequence[str] = (STS_AUDIENCE, POD_IDENTITY_AUDIENCE)
    """`tokenRequests` of the CSIDriver object."""
    pauses: Sequence[float] = (0.5, 1.1)
    """Seconds before each further call after UNAVAILABLE."""
    poll_interval: float = 0.0
    """Seconds after the last change of a volume in which the driver does not ask again."""
    timeout: float = 120.0
    max_receive: int = _MAX_RECEIVE


class Driver:
    """Mounts volumes through a provider's socket, below a kubelet directory."""

    def __init__(self, socket: Path, kubelet: Path, options: Options | None = None) -> None:
        self._options = options or Options()
        self._kubelet = kubelet
        self._channel = grpc.insecure_channel(
            f"unix:{socket}",
            options=[("grpc.max_receive_message_length", self._options.max_receive)],
        )
        self._stub = stubs.CSIDriverProviderStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._books: dict[Path, Books] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._channel.close()

    def version(self) -> pb.VersionResponse:
        """Ask the provider who it is."""
        answer: pb.VersionResponse = self._stub.Version(
            pb.VersionRequest(version="v1alpha1"), timeout=5
        )
        return answer

    def target(self, pod: Pod) -> Path:
        """Where the pod's volume lies."""
        return self._kubelet / "pods" / pod.uid / "volumes/kubernetes.io~csi/secrets/mount"

    def mount(
        self,
        pod: Pod,
        parameters: Mapping[str, str],
        *,
        attributes: Mapping[str, str] | None = None,
    ) -> Mounted | MountRefused:
        """Mount the pod's volume, or mount it again: kubelet's and the rotation's call alike.

        `parameters` are the class's, `attributes` the volume's own, which win.
        """
        target = self.target(pod)
        again = target in self._books
        books = self._books.setdefault(target, Books())
        target.mkdir(parents=True, exist_ok=True)
        if again and time.time() - target.stat().st_mtime < self._options.poll_interval:
            return self._mounted(Volume(target), books)
        request = self.request(pod, {**parameters, **(attributes or {})}, again=again)
        outcome = self._publish(request, Volume(target), books, again=again)
        if isinstance(outcome, Mounted):
            return outcome
        if again:
            return self._mounted(Volume(target), books, hidden=outcome)
        if self._options.version == "1.5" or outcome.code not in _UNCERTAIN:
            self.unmount(pod)
        return outcome

    def unmount(self, pod: Pod) -> None:
        """The pod is gone."""
        target = self.target(pod)
        shutil.rmtree(target, ignore_errors=True)
        self._books.pop(target, None)

    def request(
        self, pod: Pod, parameters: Mapping[str, str], *, again: bool = False
    ) -> pb.MountRequest:
        """The request as this driver version builds it."""
        old = self._options.version == "1.5"
        attributes = {
            **parameters,
            f"{_PREFIX}pod.name": pod.name,
            f"{_PREFIX}pod.namespace": pod.namespace,
            f"{_PREFIX}pod.uid": pod.uid,
            f"{_PREFIX}serviceAccount.name": pod.service_account,
            f"{_PREFIX}ephemeral": "true",
        }
        if not (old and again):
            attributes.setdefault("secretProviderClass", "class")
        secrets: dict[str, str] = {}
        if self._options.audiences:
            holder = attributes if self._options.tokens_in == "attributes" else secrets
            holder[_TOKENS] = self._tokens(pod)
        return pb.MountRequest(
            attributes=json.dumps(attributes),
            secrets=json.dumps(secrets or None),
            target_path=str(self.target(pod)),
            permission="420",
            current_object_version=self._current(pod) if old and again else [],
        )

    def _current(self, pod: Pod) -> list[pb.ObjectVersion]:
        versions = list(self._books[self.target(pod)].versions.items())
        random.shuffle(versions)
        return [pb.ObjectVersion(id=name, version=version) for name, version in versions]

    def _tokens(self, pod: Pod) -> str:
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return json.dumps(
            {
                audience: {
                    "token": issue_token(
                        pod.namespace,
                        pod.service_account,
                        audience=audience,
                        pod=pod.name,
                        pod_uid=pod.uid,
                    ),
                    "expirationTimestamp": until,
                }
                for audience in self._options.audiences
            }
        )

    def _publish(
        self, request: pb.MountRequest, volume: Volume, books: Books, *, again: bool
    ) -> Mounted | MountRefused:
        deadline = None if self._options.version == "1.5" and again else self._options.timeout
        try:
            answer = self._call(request, deadline)
        except grpc.RpcError as error:
            return MountRefused(error.code(), error.details() or "")
        return self._accept(answer, volume, books)

    def _call(self, request: pb.MountRequest, timeout: float | None) -> pb.MountResponse:
        """Call, and call again while the answer is UNAVAILABLE."""
        for pause in (*self._options.pauses, None):
            try:
                answer: pb.MountResponse = self._stub.Mount(request, timeout=timeout)
            except grpc.RpcError as error:
                if pause is None or error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                time.sleep(pause)
            else:
                return answer
        raise AssertionError("the last call answers or raises")

    def _accept(
        self, answer: pb.MountResponse, volume: Volume, books: Books
    ) -> Mounted | MountRefused:
        if answer.error.code:
            return MountRefused(
                grpc.StatusCode.UNKNOWN,
                f"mount request failed with provider error code {answer.error.code}",
            )
        if not answer.object_version:
            return MountRefused(grpc.StatusCode.UNKNOWN, "missing object versions")
        files = {file.path: Payload(file.mode, file.contents) for file in answer.files}
        try:
            changed = volume.write(files)
        except (InvalidPayload, OSError) as error:
            return MountRefused(grpc.StatusCode.UNKNOWN, str(error))
        books.versions = {one.id: one.version for one in answer.object_version}
        return self._mounted(volume, books, changed=changed)

    @staticmethod
    def _mounted(
        volume: Volume, books: Books, *, changed: bool = False, hidden: MountRefused | None = None
    ) -> Mounted:
        files = volume.read()
        return Mounted(
            {path: payload.content for path, payload in files.items()},
            {path: payload.mode for path, payload in files.items()},
            dict(books.versions),
            changed,
            hidden,
        )
