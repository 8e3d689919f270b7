"""The door: the driver's gRPC socket, and health and metrics over HTTP. Only importer of grpc."""

import os

GRPC_EXPERIMENTS = "-event_engine_listener"
"""gRPC's own setting, which it reads when it is imported; the environment's goes first.

Its newer way to listen hands what it reads through three threads. The older one, the only one that
Python had until 2026, reads in the thread that serves, which spares every mount 0.1 ms of CPU. A
release that has forgotten the older one says so ("Unknown experiment") and takes the newer one.
"""

os.environ.setdefault("GRPC_EXPERIMENTS", GRPC_EXPERIMENTS)
