"""Whatever happens in a mount, the driver gets an answer that it handles well."""

import asyncio
import gc
import inspect
import io
import json
import logging
import re
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from provider import errors
from provider.csi.mount import Delivery, Mounter
from provider.csi.mount_registry import MountRegistry
from provider.csi.request.model import MountSpec
from provider.csi.server import admission as admission_module
from provider.csi.server import barrier as barrier_module
from provider.csi.server import grpc_server
from provider.csi.server.admission import MOST_LARGE, Admission
from provider.csi.server.barrier import Barrier
from provider.csi.server.codec import Codec
from provider.csi.server.daemon import Daemon
from provider.csi.server.grpc_server import Mount, make_server
from provider.csi.server.outcomes import Outcomes
from provider.csi.server.socket_file import SocketFile
from provider.errors import ProviderError
from provider.runtime import log
from provider.runtime.offload import Offload
from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1.service_pb2_grpc import CSIDriverProviderStub
from tests.csi.server.driver import CANARY, driver, mount_request
from tests.csi.server.stub import StubMounter
from tests.csi.test_mount_registry import failing

FORBIDDEN = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
}

ERRORS = [
    name
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ProviderError)
]

STATUS = {
    "invalid": "INVALID_ARGUMENT",
    "unauthenticated": "UNAUTHENTICATED",
    "denied": "PERMISSION_DENIED",
    "not_found": "NOT_FOUND",
    "precondition": "FAILED_PRECONDITION",
    "unavailable": "INTERNAL",
}


class Door:
    """The server in this process, on a real socket, with what it logs and counts."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self.counted: list[tuple[str, str]] = []
        self.audited: list[str] = []
        self.when_audited: Callable[[], object] = lambda: None
        self.audit_may_end = asyncio.Event()
        self.audit_may_end.set()
        self.stream = io.StringIO()
        log.set_up("debug", "json", self.stream)
        self.admission = Admission(20, 2)
        self.registry = MountRegistry(Path("/nowhere"))
        self.codec = Codec(Offload(), default_region=None)
        self.mounter = StubMounter()
        self.barrier = Barrier(
            self.codec,
            cast("Mounter", self.mounter),
            self.admission,
            Outcomes(self.registry, self._count, audit=self._audit),
            timeout=timeout,
        )

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Door"]:
        server = await make_server(self.barrier.mount)
        server.add_insecure_port(f"unix:{self.path}")
        await server.start()
        async with grpc.aio.insecure_channel(f"unix:{self.path}") as channel:
            self.stub: Any = CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call]
            yield self
        await server.stop(None)

    async def _audit(self, spec: MountSpec, _delivery: Delivery) -> None:
        self.when_audited()
        for _ in range(10):
            await asyncio.sleep(0)
        await self.audit_may_end.wait()
        self.audited.append(spec.class_name)

    def _count(self, outcome: str, reason: str, _namespace: str, _seconds: float) -> None:
        self.counted.append((outcome, reason))

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was logged about mounts.

        What earlier tests in this process left to asyncio and to threads may be logged as well.
        """
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if "id" in line]

    async def mount(self, request: pb.MountRequest | str = "secret", **how: Any) -> Any:
        if isinstance(request, str):
            request = mount_request(request)
        return await self.stub.Mount(request, **{"timeout": 20} | how)

    async def failure(
        self, request: pb.MountRequest | str, **how: Any
    ) -> tuple[grpc.StatusCode, str]:
        """Code and text of a mount that fails."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.mount(request, **how)
        return caught.value.code(), caught.value.details() or ""


@pytest.fixture
async def door(volume: Path, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    async with Door(volume / "aws.sock", getattr(request, "param", 60.0)).served() as door:
        yield door
    root.handlers[:], root.level = before
    logging.getLogger("provider").setLevel(logging.NOTSET)


@pytest.mark.parametrize("name", ERRORS)
async def test_every_error_of_ours_has_its_status_and_text(door: Door, name: str) -> None:
    code, text = await door.failure(f"fail-{name}")
    assert code.name == STATUS[getattr(errors, name).kind]
    assert code not in FORBIDDEN
    assert text.startswith("so it is [id ")
    assert door.counted == [("failed", name)]


@pytest.mark.parametrize("what", ["bug", "unversioned", "timeout"])
async def test_a_bug_of_ours_is_internal_with_an_id_that_the_log_explains(
    door: Door, what: str
) -> None:
    code, text = await door.failure(what)
    assert code is grpc.StatusCode.INTERNAL
    assert door.counted == [("failed", "InternalFault")]
    fault, failed = door.lines
    assert (fault["level"], fault["message"]) == ("error", "internal fault")
    assert (failed["level"], failed["message"]) == ("error", "failed")
    assert text.endswith(f"[id {fault['id']}]")
    assert any("csi/server/barrier.py" in line for line in fault["traceback"])


async def test_no_token_gets_out(door: Door) -> None:
    _, text = await door.failure("bug")
    await door.mount()
    assert CANARY not in text
    assert CANARY not in door.stream.getvalue()


async def test_an_unknown_kind_of_failure_becomes_internal(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("UNAVAILABLE", "OK", "nonsense"):
        monkeypatch.setattr(errors.RoleMissing, "kind", kind)
        assert (await door.failure("fail-RoleMissing"))[0] is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("attributes", ["", "null", "[]", "{", '{"objects": 1}', "\x00"])
async def test_a_malformed_request_is_invalid(door: Door, attributes: str) -> None:
    request = mount_request()
    request.attributes = attributes
    assert (await door.failure(request))[0] is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_huge_request_is_invalid(door: Door) -> None:
    request = mount_request()
    request.secrets = "x" * (5 * 2**20)
    assert (await door.failure(request))[0] is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("size", [2**14, 2**18])
async def test_large_requests_count_by_the_memory_that_they_take(door: Door, size: int) -> None:
    request = mount_request()
    attributes = json.loads(request.attributes) | {"other": "x" * size}
    with door.admission.accepted("default", MOST_LARGE // 2 - 2 * size):
        request.attributes = json.dumps(attributes)
        await door.mount(request)
        attributes["other"] = "\U0001f600" + "x" * size
        request.attributes = json.dumps(attributes, ensure_ascii=False)
        remount = mount_request()
        remount.current_object_version.add(id="x" * 4 * size)
        failures = [await door.failure(one) for one in (request, remount)]
    assert [code for code, _ in failures] == [grpc.StatusCode.INTERNAL] * 2
    assert all("the kubelet tries again" in text for _, text in failures)


@pytest.mark.parametrize("door", [0.2], indirect=True)
async def test_a_mount_ends_at_its_time_out(door: Door, volume: Path) -> None:
    code, text = await door.failure(mount_request("hold", volume / "target"))
    assert code is grpc.StatusCode.INTERNAL
    assert text.startswith("the mount took longer than 0.2 s (--mount-timeout)")
    assert door.counted == [("failed", "OutOfTime")]
    assert door.admission.idle_seconds() > 0


async def test_a_mount_that_waits_too_long_for_its_turn_fails(door: Door, volume: Path) -> None:
    holding = [
        asyncio.ensure_future(door.mount(mount_request("hold", volume / "target")))
        for _ in range(2)
    ]
    while door.admission.at_work < 2:
        await asyncio.sleep(0.01)
    code, text = await door.failure("secret", timeout=2)
    assert code is grpc.StatusCode.INTERNAL
    assert re.match(r"the mount did not start within 1\.\d s, behind others", text)
    (volume / "release").touch()
    await asyncio.gather(*holding)


@pytest.mark.parametrize("door", [0.2], indirect=True)
async def test_a_mount_whose_identity_takes_too_long_names_the_service_account(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(StubMounter):
        async def mount(self, *_: Any, **__: Any) -> Any:
            await asyncio.sleep(60)

    monkeypatch.setattr(door.mounter, "mount", Slow().mount)
    _, text = await door.failure("secret")
    assert text.startswith("the identity of service account default/web was not found out within")


async def test_a_mount_ends_before_its_caller_gives_up(door: Door, volume: Path) -> None:
    code, _ = await door.failure(mount_request("hold", volume / "target"), timeout=2)
    assert code is grpc.StatusCode.INTERNAL


async def test_the_calls_of_a_mount_end_before_the_mount(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the answer can name the objects that got no answer."""
    times: list[float] = []

    class Spy(StubMounter):
        async def mount(self, *given: Any, deadline: float, arrived: float, **more: Any) -> Any:
            times.append(deadline - arrived)
            return await super().mount(*given, deadline=deadline, arrived=arrived, **more)

    monkeypatch.setattr(door.mounter, "mount", Spy().mount)
    await door.mount(timeout=20)
    (time_of_calls,) = times
    rounded_up = 0.1  # gRPC sends a time-out in few digits
    end = 20 + rounded_up - barrier_module.MARGIN - barrier_module.ANSWER_MARGIN
    assert time_of_calls <= end


async def test_a_caller_that_goes_away_ends_its_mount(door: Door, volume: Path) -> None:
    call = door.stub.Mount(mount_request("hold", volume / "target"))
    while not (volume / "held").exists():
        await asyncio.sleep(0.01)
    call.cancel()
    while not door.counted:
        await asyncio.sleep(0.01)
    assert door.counted == [("failed", "OutOfTime")]
    assert door.admission.idle_seconds() > 0
    assert (door.admission.at_work, door.admission.waiting) == (0, 0)


async def test_a_crowd_is_accepted_before_it_is_worked_on(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the last mounts arrive too late to share the calls of the first ones."""
    decode, accepted = door.codec.decode, []

    async def slow(_codec: Codec, request: pb.MountRequest) -> Any:
        accepted.append(len(door.counted) + door.admission.waiting + door.admission.at_work)
        if len(accepted) == 8:
            all_work.set()
        if len(accepted) == 1:
            sent.wait()  # holds the loop
            await all_work.wait()
        return await decode(request)

    def send() -> list[Any]:
        with driver(door.path) as stub:
            stub.Version(pb.VersionRequest())
            calls = [stub.Mount.future(mount_request(), timeout=20) for _ in range(8)]
            sent.set()
            return [call.result() for call in calls]

    sent, all_work = threading.Event(), asyncio.Event()
    monkeypatch.setattr(Codec, "decode", slow)
    monkeypatch.setattr(admission_module, "TURN_SECONDS", 0.02)  # on a busy machine threads wait
    await asyncio.to_thread(send)
    assert len(accepted) == 8
    assert min(accepted[1:]) >= 8


async def test_a_refusal_reaches_every_mount(door: Door, volume: Path) -> None:
    calls = [
        asyncio.ensure_future(door.failure(mount_request("hold", volume / "t"))) for _ in range(5)
    ]
    while door.admission.waiting + door.admission.at_work < 5:
        await asyncio.sleep(0.01)
    assert door.barrier.refuse_all("stopping") == 5
    assert {(code, text[:8]) for code, text in await asyncio.gather(*calls)} == {
        (grpc.StatusCode.INTERNAL, "stopping")
    }
    assert (await door.failure("secret"))[1].startswith("stopping"), "also those that come later"


async def test_a_server_without_a_socket_answers_the_mounts_that_it_has(
    door: Door, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers, stopping = [], asyncio.Event()

    async def make(mount: Mount) -> grpc.aio.Server:
        servers.append(server := await make_server(mount))
        stop = server.stop

        async def stop_and_tell(grace: float | None) -> None:
            stopping.set()
            await stop(grace)

        monkeypatch.setattr(server, "stop", stop_and_tell)
        return server

    monkeypatch.setattr(grpc_server, "make_server", make)
    path = volume / "other.sock"
    daemon = Daemon(SocketFile(path), door.barrier, door.admission)
    await daemon.start()
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        stub: Any = CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call]
        mount = asyncio.ensure_future(stub.Mount(mount_request("hold", volume / "target")))
        while not (volume / "held").exists():
            await asyncio.sleep(0.01)
        monkeypatch.setattr(grpc_server, "CONNECTION_SECONDS", 0.001)
        path.unlink()
        await stopping.wait()
        (volume / "release").touch()
        assert (await mount).files
    await daemon.drain(5)
    await asyncio.gather(*(server.stop(None) for server in servers))


async def test_the_log_has_one_line_a_mount_and_is_quiet_when_nothing_changed(door: Door) -> None:
    await door.mount()
    await door.mount()
    first, second = door.lines
    assert (first["level"], first["message"]) == ("info", "delivered")
    assert (second["level"], second["message"]) == ("debug", "unchanged")
    assert first["pod"] == "default/web-0"
    assert first["class"] == "web-secrets"
    assert first["identity"].startswith("role arn:aws:iam::")
    assert first["files"] == 1
    assert first["id"] == second["id"]
    assert door.counted == [("delivered", ""), ("unchanged", "")]


async def test_warnings_of_a_class_are_logged_once_at_the_level_of_warnings(door: Door) -> None:
    log.set_up("warning", "json", door.stream)
    request = mount_request()
    request.attributes = json.dumps(json.loads(request.attributes) | {"colour": "blue"})
    await door.mount(request)
    await door.mount(request)
    assert [(line["level"], line["message"]) for line in door.lines] == [
        ("warning", 'parameters: key "colour" is not known and has no effect')
    ]


async def test_of_many_warnings_the_first_have_a_line_of_the_log(door: Door) -> None:
    log.set_up("warning", "json", door.stream)
    request = mount_request()
    attributes = json.loads(request.attributes)
    entry = "- {{objectName: o{at}, objectType: secretsmanager, colour: blue}}\n"
    objects = "".join(entry.format(at=at) for at in range(30))
    request.attributes = json.dumps(attributes | {"objects": objects})
    await door.mount(request)
    *first, last = door.lines
    assert [line["message"][:10] for line in first] == [f"objects[{at}]" for at in range(5)]
    assert last["count"] == 25


async def test_a_failure_is_one_line_with_reason_and_text(door: Door) -> None:
    await door.failure("fail-SecretNotFound")
    (line,) = door.lines
    assert (line["level"], line["message"]) == ("warning", "failed")
    assert (line["reason"], line["error"]) == ("SecretNotFound", "so it is")
    assert line["pod"] == "default/web-0"


async def test_a_mount_that_failed_leaves_no_values_behind(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its memory is free at once, and not when garbage is collected."""
    kept: list[weakref.ref[Any]] = []

    class Failing(StubMounter):
        async def mount(self, *_: Any, **__: Any) -> Any:
            values = {"of the mount"}  # unlike dict, set takes a weak reference
            kept.append(weakref.ref(values))
            raise errors.SecretNotFound("so it is")

    monkeypatch.setattr(door.mounter, "mount", Failing().mount)
    gc.disable()
    try:
        await door.failure("secret")
        assert [one() for one in kept] == [None]
    finally:
        gc.enable()


async def test_of_many_missing_objects_the_first_have_a_line_of_the_log(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing(StubMounter):
        async def mount(self, *given: Any, **more: Any) -> Any:
            delivery = await super().mount(*given, **more)
            one = replace(delivery.objects[0], found=False)
            return replace(delivery, objects=(one,) * 1000)

    monkeypatch.setattr(door.mounter, "mount", Missing().mount)
    await door.mount()
    assert len(door.lines) == 7
    assert (door.lines[-1]["message"], door.lines[-1]["count"]) == (
        "more optional objects are missing",
        995,
    )


async def test_the_same_failure_has_the_same_text_at_each_attempt(door: Door) -> None:
    """Kubernetes counts equal events, and lists differing ones one by one."""
    assert await door.failure("bug") == await door.failure("bug")


def broken(objects: str) -> pb.MountRequest:
    """A request whose class does not parse."""
    request = mount_request()
    attributes = json.loads(request.attributes) | {"objects": objects}
    request.attributes = json.dumps(attributes)
    return request


@pytest.mark.parametrize(
    "objects",
    ["- objectNam: db", "{", "- objectName: a\n" * 2000, "# long " * 200_000],
    ids=["unknown key", "no YAML", "too long to parse", "too long to decode"],
)
async def test_a_class_that_does_not_parse_is_seen_with_its_pod_and_name(
    door: Door, objects: str
) -> None:
    """Also in the first request after a restart of the daemon, of a pod that runs."""
    await door.failure(broken(objects))
    line = door.lines[-1]
    assert (line["pod"], line["class"]) == ("default/web-0", "web-secrets")
    assert line["service_account"] == "web"
    (mount,) = door.registry.live()
    assert (str(mount.pod), mount.class_name) == ("default/web-0", "web-secrets")
    assert mount.reason == "InvalidSpec"
    assert failing(door.registry) == 1


async def test_a_class_that_is_broken_later_fails_its_remount(door: Door) -> None:
    await door.mount()
    await door.failure(broken("{"))
    assert failing(door.registry) == 1
    assert door.lines[-1]["pod"] == "default/web-0"
    await door.mount()
    assert failing(door.registry) == 0


async def test_wrong_tokens_hide_neither_pod_nor_class(door: Door) -> None:
    request = mount_request()
    attributes = json.loads(request.attributes)
    attributes["csi.storage.k8s.io/serviceAccount.tokens"] = "{"
    request.attributes = json.dumps(attributes)
    await door.failure(request)
    assert door.lines[-1]["class"] == "web-secrets"


async def test_a_request_without_a_pod_is_listed_nowhere(door: Door) -> None:
    request = mount_request()
    attributes = json.loads(request.attributes) | {"csi.storage.k8s.io/pod.name": "../x"}
    request.attributes = json.dumps(attributes)
    await door.failure(request)
    assert door.registry.live() == []
    assert "pod" not in door.lines[-1]


async def test_a_mistake_in_yaml_has_line_and_column_in_the_pod_s_event(door: Door) -> None:
    _, text = await door.failure(broken("- objectName: a\n  objectType: {\n"))
    assert "line" in text
    assert "column" in text


async def test_deliveries_are_audited_and_unchanged_remounts_are_not(door: Door) -> None:
    await door.mount()
    await door.mount()
    await door.failure("fail-AccessDenied")
    assert door.audited == ["web-secrets"]


async def test_a_mount_whose_time_ends_in_the_audit_log_is_delivered_once(door: Door) -> None:
    door.when_audited = lambda: door.barrier.refuse_all("the time of all mounts is over")
    await door.mount()
    assert door.counted == [("delivered", "")]
    assert door.audited == ["web-secrets"]


async def test_a_caller_that_goes_away_during_the_audit_log_has_one_outcome(door: Door) -> None:
    door.audit_may_end.clear()
    call = door.stub.Mount(mount_request())
    door.when_audited = call.cancel
    while not door.counted:
        await asyncio.sleep(0.01)
    door.audit_may_end.set()
    while not door.audited:
        await asyncio.sleep(0.01)
    assert door.counted == [("failed", "OutOfTime")]
