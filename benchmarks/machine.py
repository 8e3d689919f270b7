"""What a run was measured on."""

import hashlib
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Figure

DEPENDENCIES = ("botocore", "grpcio", "aiohttp", "uvloop", "protobuf", "jmespath", "pyyaml")


def about(latency_ms: float) -> dict[str, str]:
    """Machine, Python and the versions that count."""
    kernel = ".".join(platform.release().split(".")[:2])
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {kernel}, {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "latency": f"{latency_ms:g} ms",
        **{name: version(name) for name in DEPENDENCIES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return "unknown"


def speed(repeats: int = 9) -> Figure:
    """A fixed piece of Python's work, by which the figures of two machines can be told apart."""
    return Figure.of("machine", "a fixed piece of work", [_work() for _ in range(repeats)], "ms")


def _work() -> float:
    document = {f"key-{number}": [number, str(number)] for number in range(50)}
    started = time.process_time()
    for _ in range(200):
        text = json.dumps(document)
        hashlib.sha256(text.encode()).hexdigest()
        sorted(json.loads(text), reverse=True)
    return (time.process_time() - started) * 1000
