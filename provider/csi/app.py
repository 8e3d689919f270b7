"""The composition root: it alone knows every part, and how a daemon is made of them."""

import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import NoReturn

from provider import __version__, log
from provider.csi.config import Config
from provider.engine import build, kubernetes_api
from provider.kube.events import Events
from provider.csi.status.mount_registry import Book, Step
from provider.runtime.log import fields, logger
from provider.runtime.metrics import Metrics
from provider.csi.status.notices import Notices
from provider.csi.server.barrier import Barrier
from provider.server.callers import Callers
from provider.server.connections import Connections
from provider.csi.server.daemon import Daemon
from provider.csi.server.grpc_server import server_maker
from provider.csi.server.health import Readiness
from provider.server.pool import MountPool
from provider.csi.server.servicer import Mounts, Servicer
from provider.csi.server.socket_file import SocketFile, StartFailed
from provider.csi.status.document import StatusDocument
from provider.csi.status.socket import StatusSocket
from provider.runtime.web import PROMETHEUS, Answer, WebServer
from provider.csi.files.target import Targets

SWITCH_SECONDS = 0.001
"""How long a thread may keep all others from Python, who wait for it: a fifth of the usual. In a
crowd of mounts the one thread that takes requests in would come round too rarely."""


def engine(config: Config, metrics: Metrics) -> Mounts:
    """What mounts, of all its parts."""
    try:
        return build(config, metrics)
    except ValueError as error:
        raise StartFailed(str(error)) from error


def serve(config: Config, make_engine: Callable[[Config, Metrics], Mounts] = engine) -> NoReturn:
    """Be the daemon until a signal comes (they are held already); never returns.

    Leaves the process by itself: an ordinary exit waits for every thread, also for those that hang
    in a mount which the drain has given up.
    """
    log.set_up(config.log_level, config.log_format)
    sys.setswitchinterval(SWITCH_SECONDS)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    try:
        exit_code = _daemon(config, make_engine).run()
    except (StartFailed, OSError) as error:
        sys.stderr.write(f"secrets-provider-aws: cannot start: {error}\n")
        exit_code = 1
    sys.stderr.flush()
    os._exit(exit_code)


def _daemon(config: Config, make_engine: Callable[[Config, Metrics], Mounts]) -> Daemon:
    logger.info("starting", extra=fields(version=__version__))
    metrics = Metrics()
    servicer = Servicer(
        make_engine(config, metrics),
        default_region=config.region,
        max_response_bytes=config.max_response_bytes,
        write=None if config.driver_writes_secrets else Targets(config.kubelet_path / "pods").write,
    )
    pool = MountPool(config.mount_workers, config.max_waiting_mounts)
    book = Book(config.kubelet_path / "pods", tell=_notices(config))
    barrier = Barrier(
        servicer,
        pool,
        timeout=config.mount_timeout,
        book=book,
        count=metrics.mounted,
    )
    _watch(metrics, pool, book)
    callers = Callers(config.allowed_uids)
    document = StatusDocument(
        book,
        node=config.node_name,
        in_progress=lambda: pool.busy,
        waiting=lambda: pool.waiting,
    )
    socket_file = SocketFile(config.socket_path)
    _serve_web(config, socket_file, metrics)
    return Daemon(
        socket_file,
        server_maker(barrier.mount, pool, Connections(config.socket_path, callers)),
        barrier,
        drain_timeout=config.drain_timeout,
        beside=StatusSocket(config.status_path, callers, document),
    )


def _notices(config: Config) -> Callable[[Step], None]:
    """What is told each step of a volume."""
    if not config.events:
        return lambda _step: None
    events = Events(kubernetes_api(config), node=config.node_name)
    events.start()
    return Notices(events.tell, rotated=config.rotated_events)


def _watch(metrics: Metrics, pool: MountPool, book: Book) -> None:
    watch = metrics.watch
    watch("mounts_in_progress", "Mounts that are worked on.", lambda: pool.busy)
    watch("mounts_waiting", "Mounts that wait for a worker.", lambda: pool.waiting)
    watch("mounts_live", "Volumes of pods that are there.", lambda: len(book.live()))
    watch("mounts_failing", "Live volumes whose last mount or remount failed.", book.failing)
    watch(
        "stalest_mount_age_seconds",
        "Time since the live volume that was validated longest ago was known to be current.",
        book.stalest,
    )


def _serve_web(config: Config, socket_file: SocketFile, metrics: Metrics) -> None:
    if config.metrics_address is None:
        return
    readiness = Readiness(str(socket_file.path), socket_file.is_ours)
    pages = {
        "/healthz": lambda: Answer(b"ok\n"),
        "/readyz": lambda: _ready(readiness),
        "/metrics": lambda: Answer(metrics.page(), content_type=PROMETHEUS),
    }
    host, port = config.metrics_address
    try:
        web = WebServer(host, port, pages)
    except OSError as error:
        raise StartFailed(
            f"cannot listen on {host}:{port} (--metrics-address): {error.strerror or error}"
        ) from error
    web.start()
    logger.info("web pages are up", extra=fields(address=web.address))


def _ready(readiness: Readiness) -> Answer:
    if problem := readiness.problem():
        return Answer(f"{problem}\n".encode(), HTTPStatus.SERVICE_UNAVAILABLE)
    return Answer(b"ok\n")
