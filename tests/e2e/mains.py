"""The command with something changed that no option changes, for forked daemons."""

import logging

from provider.cli.main import main
from provider.csi.server import grpc_server

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


def short_connections(arguments: list[str]) -> int:
    """Ends connections after half a second."""
    grpc_server.CONNECTION_SECONDS = 0.5
    return main(arguments)


def loud(arguments: list[str]) -> int:
    """Sets the loggers of the libraries to debug."""
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.partition(".")[0] != "provider":
            logger.setLevel(logging.DEBUG)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.DEBUG)
    return main(arguments)
