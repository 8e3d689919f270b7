"""The command with something changed that no option changes, for forked daemons."""

import asyncio
import logging
import os
from pathlib import Path
from threading import Thread

from provider.aws import client
from provider.aws.credentials import pod_identity
from provider.cli.main import main
from provider.csi.server import grpc_server
from provider.kube import lookups

LIBRARIES = [
    "botocore",
    "boto3",
    "urllib3",
    "aiohttp",
    "asyncio",
    "grpc",
    "http.client",
    "jmespath",
]


PAUSES = (0.01, 0.05)
"""Seconds between attempts at the Kubernetes API and the agent."""


def hasty(arguments: list[str]) -> int:
    """Waits a tenth of the time, or less, before each retry."""
    for module in (lookups, pod_identity):
        vars(module)["PAUSES"] = PAUSES

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 10)

    vars(client)["sleep"] = sleep
    return main(arguments)


def short_connections(arguments: list[str]) -> int:
    """Ends connections after half a second."""
    grpc_server.CONNECTION_SECONDS = 0.5
    return hasty(arguments)


def starved(arguments: list[str]) -> int:
    """Refuses new threads while a file exists."""
    start, file = Thread.start, Path(os.environ["STARVED"])

    def refuse(self: Thread) -> None:
        if file.exists():
            raise RuntimeError("can't start new thread")
        start(self)

    Thread.start = refuse  # type: ignore[method-assign]  # all threads of the process
    return main(arguments)


def loud(arguments: list[str]) -> int:
    """Sets the loggers of the libraries to debug."""
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.partition(".")[0] != "provider":
            logger.setLevel(logging.DEBUG)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.DEBUG)
    return hasty(arguments)
