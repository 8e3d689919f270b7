"""The way from the node to AWS: one door per region, which counts who passes and can be shut.

Stands in front of moto. A region is the first element of the path, so that the daemon reaches it
by `AWS_ENDPOINT_URL=http://127.0.0.1:PORT/{region}`. moto keeps an account per role; here whoever
asks for something by ARN gets to the ARN's account, as with a resource policy that allows it.
"""

import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import parse_qs

from testbed.aws.iam import ACCOUNT
from testbed.journal import Call, Journal
from testbed.streams import StreamServer

Cut = Literal["reset", "hang"]
"""How a region is out of reach: connections break, or nothing ever comes back."""

_KEY_ID = re.compile(r"Credential=([^/]+)/")
_ARN_ACCOUNT = re.compile(rb'"arn:aws:[a-z]+:[a-z0-9-]+:(\d+):')
_AT_ONCE_AND_HARD = struct.pack("ii", 1, 0)
"""SO_LINGER that makes `close` send a reset."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, as far as the door looks at it."""

    region: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def service(self) -> str:
        target = self.headers.get("x-amz-target", "")
        if not target:
            return "sts"
        return "ssm" if target.startswith("AmazonSSM") else "secretsmanager"

    @property
    def operation(self) -> str:
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        return parse_qs(self.body.decode()).get("Action", ["?"])[0]

    @property
    def key_id(self) -> str:
        """Access key that signed it; empty where nobody did."""
        found = _KEY_ID.search(self.headers.get("authorization", ""))
        return found[1] if found else ""

    @property
    def subject(self) -> str:
        """What is asked for."""
        if self.service == "sts":
            return parse_qs(self.body.decode()).get("RoleArn", [""])[0]
        body = json.loads(self.body)
        return ", ".join(body.get("Names", [body.get("SecretId", "")]))

    @property
    def account(self) -> str:
        found = _ARN_ACCOUNT.search(self.body)
        return found[1].decode() if found else ACCOUNT

    def for_moto(self) -> bytes:
        """The request without the region, for one connection of its own."""
        headers = {**self.headers, "x-moto-account-id": self.account, "connection": "close"}
        lines = [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode() + self.body


class Wire:
    """Listens on loopback. `cut` holds the regions that are out of reach, and may change."""

    def __init__(self, moto: tuple[str, int]) -> None:
        self.journal = Journal()
        self.cut: dict[str, Cut] = {}
        self._moto = moto
        self._hanging: set[asyncio.StreamWriter] = set()
        self._server = StreamServer(self._client, "wire")
        self.base_url = f"http://127.0.0.1:{self._server.port}"
        self.endpoint = self.base_url + "/{region}"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.__exit__(*exc)

    def drop(self) -> None:
        """Break what hangs."""
        self._server.call(self._drop)

    def _drop(self) -> None:
        for writer in self._hanging:
            writer.transport.abort()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Request after request, until the client has enough."""
        while True:
            asked = await _read(reader)
            cut = self.cut.get(asked.region)
            if cut is not None:
                self._note(asked, 0)
                await self._break_off(cut, reader, writer)
                break
            answer = await self._ask_moto(asked)
            self._note(asked, int(answer.split(b" ", 2)[1]))
            writer.write(answer)

    async def _break_off(
        self, cut: Cut, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if cut == "hang":
            self._hanging.add(writer)
            await reader.read(-1)
            self._hanging.discard(writer)
            return
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE_AND_HARD)
        writer.transport.abort()

    async def _ask_moto(self, asked: _Asked) -> bytes:
        reader, writer = await asyncio.open_connection(*self._moto)
        writer.write(asked.for_moto())
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        writer.close()
        status, *headers = head.decode("latin-1").split("\r\n")
        kept = [one for one in headers if not one.lower().startswith(("connection:", "content-le"))]
        status = status.replace("HTTP/1.0", "HTTP/1.1")
        lines = [status, *kept, f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    def _note(self, asked: _Asked, status: int) -> None:
        """Write it down; status 0 is a request that went nowhere."""
        now = time.monotonic()
        self.journal.record(
            Call(
                asked.service,
                asked.operation,
                asked.region,
                asked.key_id,
                asked.subject,
                status,
                now,
            )
        )


async def _read(reader: asyncio.StreamReader) -> _Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    region = first.split(" ")[1].strip("/").partition("/")[0]
    return _Asked(region, headers, body)
