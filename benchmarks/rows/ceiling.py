"""What the fake and the load themselves can do, so that they are not what is measured."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.daemon import REGION, cpu_of
from benchmarks.figures import Figure
from benchmarks.rows.node import PODS
from benchmarks.stage import Stage
from testbed.aws.iam import ACCOUNT
from testbed.fakes_process import FakesProcess
from testbed.samples import NAMESPACE, Sample
from testbed.tokens import issue_token

CONNECTIONS, CALLS = 8, 300


def row(stage: Stage) -> Iterator[Figure]:
    """Signed calls a second by a raw client, and calls of Version at once."""
    with stage.fakes(identities=1, secrets=1, latency_ms=0) as fakes:
        rates, cpus = [], []
        request = _signed(fakes, stage.folder / "ca.pem")
        for _ in stage.times(4):
            cpu, started = cpu_of(fakes.pid), time.perf_counter()
            _ask(fakes, stage.folder / "ca.pem", request)
            rates.append(CONNECTIONS * CALLS / (time.perf_counter() - started))
            cpus.append((cpu_of(fakes.pid) - cpu) / (CONNECTIONS * CALLS) * 1000)
        yield Figure.of("ceiling.fake", "fake AWS, asked by a raw client", rates, "1/s")
        yield Figure.of("ceiling.fake.cpu", "… its CPU per call", cpus, "ms")
        times, own = [], []
        with stage.daemon(fakes) as daemon:
            for _ in stage.times(9):
                cpu = time.process_time()
                times.append(daemon.caller.versions(PODS).milliseconds)
                own.append((time.process_time() - cpu) / PODS * 1000)
    yield Figure.of("ceiling.load", f"the load: {PODS} calls of Version at once", times, "ms")
    yield Figure.of("ceiling.load.cpu", "… the load's own CPU per call", own, "ms")


def _ask(fakes: FakesProcess, ca: Path, request: bytes) -> None:
    def one(_number: int) -> None:
        with _connect(fakes, ca) as connection:
            for _ in range(CALLS):
                connection.sendall(request)
                answer = connection.recv(65536)
                assert answer.startswith(b"HTTP/1.1 200 "), answer

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(one, range(CONNECTIONS)))


def _connect(fakes: FakesProcess, ca: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(ca))
    plain = socket.create_connection(_address(fakes))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def _address(fakes: FakesProcess) -> tuple[str, int]:
    parts = urlsplit(fakes.aws)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _signed(fakes: FakesProcess, ca: Path) -> bytes:
    """A whole GetSecretValue request, by botocore's own signer."""
    name = Sample().secret(0, 0)
    request = AWSRequest(
        "POST",
        f"{fakes.aws}/",
        {
            "X-Amz-Target": "secretsmanager.GetSecretValue",
            "Content-Type": "application/x-amz-json-1.1",
        },
        json.dumps({"SecretId": name}).encode(),
    )
    SigV4Auth(_credentials(fakes, ca), "secretsmanager", REGION).add_auth(request)
    return _raw(fakes, dict(request.headers.items()), request.body)


def _raw(fakes: FakesProcess, headers: dict[str, str], body: bytes) -> bytes:
    all_headers = {"Host": urlsplit(fakes.aws).netloc, **headers, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body


def _credentials(fakes: FakesProcess, ca: Path) -> Credentials:
    name = Sample().service_account(0)
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "RoleSessionName": "ceiling",
        "WebIdentityToken": issue_token(NAMESPACE, name),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with _connect(fakes, ca) as connection:
        connection.sendall(_raw(fakes, headers, urlencode(form).encode()))
        body = connection.recv(65536).partition(b"\r\n\r\n")[2]
    text = {one.tag.rpartition("}")[2]: one.text for one in ET.fromstring(body.decode()).iter()}
    return Credentials(text["AccessKeyId"], text["SecretAccessKey"], text["SessionToken"])
