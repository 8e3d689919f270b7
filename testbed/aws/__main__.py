"""The fakes as a separate process, so that a benchmark measures the daemon alone.

Prints one JSON object with the addresses, then reads commands from standard input, one per line
(`calls`, `clear`, `rotate [NUMBER]`, `disturb SHARE`), and answers each with one JSON object per
line. Ends when its input ends. `testbed.fakes_process` is the client.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from testbed.agent import FakeAgent
from testbed.aws.errors import sts_throttled, throttled
from testbed.aws.fake import FakeAws
from testbed.faults import reset
from testbed.journal import Journal
from testbed.kubernetes import FakeKubernetes
from testbed.samples import Sample
from testbed.tls import Authority


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m testbed.aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--tls",
        metavar="CA",
        type=Path,
        help="serve AWS and Kubernetes over TLS; write the CA here",
    )
    parser.add_argument(
        "--latency-ms",
        type=float,
        default=0.0,
        help="time of every call: to AWS, the Kubernetes API and the Pod Identity agent",
    )
    parser.add_argument("--no-signatures", action="store_true", help="check no signatures")
    parser.add_argument("--identities", type=int, default=30)
    parser.add_argument("--secrets", type=int, default=5, help="secrets for each identity")
    parser.add_argument("--size", type=int, default=100, help="characters of each value")
    return parser


def _totals(journals: Sequence[Journal]) -> dict[str, int]:
    """Calls by `service operation`, over all regions."""
    totals: dict[str, int] = {}
    for journal in journals:
        for (service, operation, _), number in list(journal.totals.items()):
            name = f"{service} {operation}"
            totals[name] = totals.get(name, 0) + number
    return totals


def main() -> None:
    """Serve until standard input ends."""
    options = _parser().parse_args()
    sample = Sample(options.identities, options.secrets, options.size)
    authority = Authority() if options.tls else None
    latency = options.latency_ms / 1000
    aws = FakeAws(
        check_signatures=not options.no_signatures,
        latency=latency,
        tls=authority.server("*.amazonaws.com") if authority else None,
        port=options.port,
        keep_calls=False,
    )
    agent = FakeAgent(aws.cloud, latency=latency)
    kubernetes = FakeKubernetes(tls=authority.server() if authority else None, latency=latency)
    sample.fill(aws.cloud)
    sample.annotate(aws.cloud, kubernetes)
    if authority:
        authority.write(options.tls)
    with ExitStack() as stack:
        for fake in (aws, agent, kubernetes):
            stack.enter_context(fake)
        _print({"aws": aws.url, "agent": agent.url, "kubernetes": kubernetes.url})
        _answer_commands(aws, sample, [aws.journal, agent.journal, kubernetes.journal])


def _answer_commands(aws: FakeAws, sample: Sample, journals: Sequence[Journal]) -> None:
    generation = 1
    for line in sys.stdin:
        command, *arguments = line.split()
        answer: dict[str, Any] = {"done": command}
        if command == "calls":
            answer = _totals(journals)
        elif command == "clear":
            for journal in journals:
                journal.clear()
        elif command == "rotate":
            generation += 1
            sample.rotate(aws.cloud, generation, *map(int, arguments))
            answer = {"generation": generation}
        elif command == "disturb":
            _disturb(aws, *map(float, arguments))
        _print(answer)


def _disturb(aws: FakeAws, share: float) -> None:
    """Throttle half of `share` of the calls and reset the connection of the other half."""
    for service in ("secretsmanager", "ssm"):
        aws.faults.inject(throttled(), service=service, probability=share / 2)
    aws.faults.inject(sts_throttled(), service="sts", probability=share / 2)
    aws.faults.inject(reset(), probability=share / 2)


def _print(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
