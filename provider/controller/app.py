"""The composition root of the controller: makes every part and puts them together."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from typing import NoReturn

from provider import __version__
from provider.aws.credentials.own import Own
from provider.aws.principals import SESSION_NAME
from provider.aws.stores.for_controller import controller_stores
from provider.controller.config import Config
from provider.controller.controller import Controller, Parts
from provider.controller.events import COMPONENTS
from provider.controller.leader import Leader
from provider.controller.monitoring.api_metrics import ObservedSend
from provider.controller.monitoring.metrics import (
    EXTENDED,
    ControllerMetrics,
    ProviderCalls,
)
from provider.controller.pages import serve_pages, watch_leader
from provider.controller.replica import Replica
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.status_document import StatusDocument
from provider.controller.status_socket import StatusSocket
from provider.engine.wiring import Engine, Settings, open_engine, watch_engine
from provider.kube.cluster_api import ClusterApi
from provider.kube.connection import Connection, api_url
from provider.kube.events import Event, EventRecorder
from provider.kube.kinds import Kind
from provider.kube.limits import Limit
from provider.kube.objects import Objects
from provider.kube.request_limits import RequestLimits
from provider.policy.file import open_policy
from provider.runtime import audit, log, process
from provider.runtime.http import HttpClient
from provider.runtime.http_stream import StreamingClient
from provider.runtime.log import fields, logger
from provider.runtime.metrics import Metrics
from provider.runtime.offload import Offload
from provider.runtime.process import StartFailed
from provider.runtime.shared_options import SERVICE_ACCOUNT

PROGRAM = "secrets-provider-aws controller"
FIELD_MANAGER = "external-secrets"
WATCHES = 140
"""Connections for watches: of each kind, and of single objects."""
EVENTS = Limit(100, 1.0)
"""Events at once, and seconds for each further one."""


def serve(config: Config) -> NoReturn:
    """Run the controller until a signal comes, and end the process."""
    log.set_up(config.loglevel, config.log_format)

    async def main(stop: asyncio.Event) -> None:
        logger.info("starting", extra=fields(version=__version__))
        async with AsyncExitStack() as stack:
            working = asyncio.create_task(_work(config, stack))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                logger.info("stopping")
            working.cancel()
            await asyncio.wait((working,))
            stopping.cancel()
            if not working.cancelled():
                working.result()

    process.run(PROGRAM, main)


async def _work(config: Config, stack: AsyncExitStack) -> None:
    """Serve pages, wait for the Lease, work; ends by cancellation only."""
    metrics, replica = Metrics(), Replica(config.pod_name or socket.gethostname())
    await serve_pages(config, metrics, replica, stack)
    try:
        settings = Settings(
            os.environ, max_calls=config.aws_max_in_flight, cache_max_bytes=config.cache_max_bytes
        )
        opened = open_engine(settings, ProviderCalls(metrics), stores=controller_stores)
        engine = await stack.enter_async_context(opened)
        connection = _connection(config, metrics, stack)
    except ValueError as error:
        raise StartFailed(str(error)) from error
    replica.leader = _leader(config, replica.pod, connection)
    objects = _objects(config, connection, replica, stack)
    parts = Parts(
        config=config,
        objects=objects,
        engine=engine,
        cpu_work=stack.enter_context(closing(CpuWork())),
        parsing=stack.enter_context(closing(Offload())),
        own=_own(config, engine),
        policy=await open_policy(config, metrics, stack),
        metrics=ControllerMetrics(
            metrics, EXTENDED if config.enable_extended_metric_labels else ()
        ),
        record=_recorders(replica.pod, objects, stack),
    )
    watch_engine(metrics.watch, engine)
    watch_leader(metrics, replica)
    await _serve_status(config, replica, stack)
    if config.audit_log:
        audit.set_up()
    process.keep_what_exists()
    lead = partial(_lead, parts, replica)
    await (replica.leader.run(lead) if replica.leader is not None else lead())


async def _lead(parts: Parts, replica: Replica) -> None:
    """Work as the leader until cancelled. Nothing of it is in memory afterwards."""
    controller = Controller(parts)
    replica.controller, parts.policy.changed = controller, controller.policy_changed
    try:
        await controller.run()
    finally:
        replica.controller, parts.policy.changed = None, lambda: None
        parts.metrics.clear()


async def _serve_status(config: Config, replica: Replica, stack: AsyncExitStack) -> None:
    if not config.status_socket:
        return
    status = StatusSocket(config.status_socket, StatusDocument(replica))
    await status.start()
    stack.push_async_callback(status.close)


def _connection(config: Config, metrics: Metrics, stack: AsyncExitStack) -> Connection:
    http = HttpClient()
    stack.push_async_callback(http.close)
    return Connection(
        config.kube_api_url or api_url(os.environ),
        ca_file=config.kube_ca_file,
        token_file=config.kube_token_file,
        send=ObservedSend(http.send, metrics),
    )


def _leader(config: Config, pod: str, connection: Connection) -> Leader | None:
    if not config.enable_leader_election:
        return None
    namespace = config.lease_namespace or _own_namespace()
    if not namespace:
        raise StartFailed("set --lease-namespace: outside of a pod there is no default")
    leases = Objects(connection, field_manager=FIELD_MANAGER)
    return Leader(
        leases,
        namespace=namespace,
        name=config.leader_election_id,
        identity=pod,
        seconds=max(round(config.lease_duration), 1),
    )


def _own_namespace() -> str:
    try:
        return Path(SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _objects(
    config: Config, connection: Connection, replica: Replica, stack: AsyncExitStack
) -> ClusterApi:
    streams = StreamingClient(WATCHES)
    stack.push_async_callback(streams.close)
    return ClusterApi(
        connection,
        streams,
        field_manager=FIELD_MANAGER,
        limits=RequestLimits(qps=config.client_qps or None, burst=config.client_burst),
        may_write=replica.is_leading,
    )


def _own(config: Config, engine: Engine) -> Own:
    name = config.service_account_name or "secrets-controller-aws"
    return Own(
        os.environ,
        engine.sts,
        engine.http.send,
        subject=f"{config.lease_namespace or _own_namespace()}/{name}",
        session=SESSION_NAME,
        allow_node_role=config.allow_node_role,
    )


def _recorders(
    pod: str, objects: Objects, stack: AsyncExitStack
) -> Mapping[Kind, Callable[[Event], object]]:
    """What records Events, by the kind of their object."""
    recorders = {
        kind: EventRecorder(objects, component=component, host=pod, total=EVENTS)
        for kind, component in COMPONENTS.items()
    }
    for recorder in recorders.values():
        stack.callback(asyncio.create_task(recorder.write_all()).cancel)
    return {kind: recorder.record for kind, recorder in recorders.items()}
