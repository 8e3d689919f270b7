"""The composition root of the daemon: makes every part and puts them together."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import NoReturn

from provider import __version__
from provider.aws.regions import is_region
from provider.csi.audit import delivered
from provider.csi.config import Config
from provider.csi.files.target import write_volume
from provider.csi.identity import Identifier
from provider.csi.metrics import MountMetrics, NamespaceLabel, watch_registry
from provider.csi.mount import Mounter
from provider.csi.mount_registry import MountRegistry, Step
from provider.csi.server.admission import Admission
from provider.csi.server.barrier import Barrier
from provider.csi.server.codec import Codec
from provider.csi.server.daemon import Daemon, readiness
from provider.csi.server.outcomes import Outcomes
from provider.csi.server.socket_file import SocketFile
from provider.csi.status.document import StatusDocument
from provider.csi.status.events import RotationEvents
from provider.csi.status.socket import StatusSocket
from provider.engine.value_memory import ValueMemory
from provider.engine.wiring import Settings, open_engine, watch_engine
from provider.kube.connection import Connection, api_url
from provider.kube.events import EventRecorder
from provider.kube.lookups import Lookups
from provider.kube.objects import Objects
from provider.policy.file import open_policy
from provider.runtime import audit, log, pages, process
from provider.runtime.http import HttpClient
from provider.runtime.log import fields, logger
from provider.runtime.metrics import Metrics
from provider.runtime.offload import Offload
from provider.runtime.process import StartFailed

PROGRAM = "secrets-provider-aws"

VALUES_OF_A_MOUNT = 4
"""How much larger than a response the values of one mount may be: parts of them become files, and
they may come from two regions."""

MakeMounter = Callable[
    [Config, Metrics, Offload, MountRegistry, AsyncExitStack], Awaitable[Mounter]
]
"""The stack closes what it makes."""


async def make_mounter(
    config: Config,
    metrics: Metrics,
    offload: Offload,
    registry: MountRegistry,
    stack: AsyncExitStack,
) -> Mounter:
    """The mounter over AWS and Kubernetes; raises `StartFailed` if the environment is invalid."""
    try:
        engine = await stack.enter_async_context(open_engine(_settings(config), metrics))
        api = _kubernetes_api(config, engine.http)
    except ValueError as error:
        raise StartFailed(str(error)) from error
    policy = await open_policy(config, metrics, stack)
    watch_engine(metrics.watch, engine)
    lookups = Lookups(
        api.get,
        node_name=config.node_name,
        is_region=is_region,
        observe=partial(metrics.cache_event, "roles"),
    )
    identifier = Identifier(
        role_arn=lookups.role_arn,
        sts=engine.sts,
        agent=engine.agent,
        credentials=engine.credentials,
    )
    return Mounter(
        identify=identifier.identify,
        reader=engine.reader,
        node_region=lookups.node_region,
        offload=offload,
        validity=config.rotation_poll_interval,
        max_bytes=config.max_response_bytes,
        policy=policy,
        last_delivery=registry.last_delivery,
        value_memory=ValueMemory(VALUES_OF_A_MOUNT * config.max_response_bytes),
    )


def serve(config: Config, make: MakeMounter = make_mounter) -> NoReturn:
    """Run the daemon until a signal comes, and end the process."""
    log.set_up(config.log_level, config.log_format)

    async def main(stop: asyncio.Event) -> None:
        logger.info("starting", extra=fields(version=__version__))
        async with AsyncExitStack() as stack:
            daemon = await _start(config, make, stack)
            process.keep_what_exists()
            logger.info("serving", extra=fields(socket=str(config.socket_path)))
            await stop.wait()
            logger.info("stopping")
            await daemon.drain(config.drain_timeout)

    process.run(PROGRAM, main)


async def _start(config: Config, make: MakeMounter, stack: AsyncExitStack) -> Daemon:
    """A daemon that serves, with everything beside it; the stack closes it all."""
    metrics = Metrics()
    socket_file = SocketFile(config.socket_path)
    served = {**pages.probes(readiness(socket_file)), **pages.scrape(metrics)}
    await pages.serve("--metrics-address", config.metrics_address, served, stack)
    offload = Offload()
    stack.callback(offload.close)
    pods = config.kubelet_path / "pods"
    registry = MountRegistry(pods)
    mounter = await make(config, metrics, offload, registry, stack)
    codec = Codec(
        offload,
        default_region=config.region,
        write=None if config.driver_writes_secrets else partial(write_volume, pods),
    )
    admission = Admission(config.max_waiting_mounts, config.mount_workers)
    namespaces = NamespaceLabel(config.metrics_namespaces)
    _watch_admission(metrics, admission)
    watch_registry(metrics, registry, namespaces)
    if config.audit_log:
        audit.set_up()
    barrier = Barrier(
        codec,
        mounter,
        admission,
        Outcomes(
            registry,
            MountMetrics(metrics, namespaces).mounted,
            await _events(config, stack),
            delivered if config.audit_log else None,
        ),
        timeout=config.mount_timeout,
    )
    daemon = Daemon(socket_file, barrier, admission)
    await daemon.start()
    document = StatusDocument(registry, admission, config.node_name)
    status = StatusSocket(config.status_path, document)
    await status.start()
    stack.push_async_callback(status.close)
    return daemon


async def _events(config: Config, stack: AsyncExitStack) -> Callable[[Step], None]:
    """What gets each step of a volume."""
    if not config.events:
        return lambda _step: None
    http = HttpClient()
    stack.push_async_callback(http.close)
    recorder = EventRecorder(
        _kubernetes_api(config, http), component=PROGRAM, host=config.node_name
    )
    stack.callback(asyncio.create_task(recorder.write_all()).cancel)
    return RotationEvents(recorder.record, rotated=config.rotated_events)


def _settings(config: Config) -> Settings:
    return Settings(
        os.environ,
        max_calls=config.aws_max_in_flight,
        cache_max_bytes=config.cache_max_bytes,
        pod_identity_ipv4_endpoint=config.pod_identity_ipv4_endpoint,
        pod_identity_ipv6_endpoint=config.pod_identity_ipv6_endpoint,
        pod_identity_timeout=config.pod_identity_http_timeout,
        eks_addon_version=config.eks_addon_version,
    )


def _kubernetes_api(config: Config, http: HttpClient) -> Objects:
    connection = Connection(
        config.kube_api_url or api_url(os.environ),
        ca_file=config.kube_ca_file,
        token_file=config.kube_token_file,
        send=http.send,
    )
    return Objects(connection, field_manager=PROGRAM)


def _watch_admission(metrics: Metrics, admission: Admission) -> None:
    watch = metrics.watch
    watch("mounts_in_progress", "Mounts that are worked on.", lambda: admission.at_work)
    watch("mounts_waiting", "Mounts that wait for their turn.", lambda: admission.waiting)
