"""An HTTP answer that is read line by line while it comes, as the watches of Kubernetes are."""

import ssl
from asyncio import timeout
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from yarl import URL

from provider.runtime.http import HttpClient, checked
from provider.runtime.http_errors import FAILURES, no_answer
from provider.runtime.transport import AnswerTooLong, NoAnswer, Request


@dataclass(frozen=True, slots=True)
class Stream:
    """The answer's status and headers, and its body as it comes. Read the body once only.

    `idle` is for each line or part of the body, in seconds; `max_line` bounds a line in bytes.
    """

    status: int
    headers: Mapping[str, str]
    content: aiohttp.StreamReader = field(repr=False)
    url: URL
    idle: float
    max_line: int

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Lines without their ends. Raises `NoAnswer`, which is `AnswerTooLong` for a long line."""
        most = self.max_line + len(b"\n")
        while line := await self._next(self.content.readline(max_line_length=most)):
            yield line.removesuffix(b"\n")

    async def read(self, most: int) -> bytes:
        """The whole body; raises `AnswerTooLong` if it has more than `most` bytes."""
        body = bytearray()
        while chunk := await self._next(self.content.readany()):
            body += chunk
            if len(body) > most:
                raise AnswerTooLong(self.url.origin(), most)
        return bytes(body)

    async def _next(self, part: Awaitable[bytes]) -> bytes:
        try:
            async with timeout(self.idle):
                return await part
        except TimeoutError as error:
            text = f"{self.url.origin()} sent nothing for {self.idle:g} s"
            raise NoAnswer("timeout", text) from error
        except LineTooLong:
            raise AnswerTooLong(self.url.origin(), self.max_line) from None
        except FAILURES as error:
            raise no_answer(error, self.url) from error


class StreamingClient(HttpClient):
    """A client whose answers can be read while they come. Each holds a connection meanwhile."""

    @asynccontextmanager
    async def stream(
        self, request: Request, *, tls: ssl.SSLContext | None = None, idle: float, max_line: int
    ) -> AsyncIterator[Stream]:
        """An answer; raises `NoAnswer`. `request.timeout` ends with its headers.

        `idle` and `max_line` are those of the stream.
        """
        url = checked(request)
        try:
            async with timeout(request.timeout):
                response = await self._begin(url, request, tls, None)
        except FAILURES as error:
            raise no_answer(error, url) from error
        try:
            yield Stream(response.status, response.headers, response.content, url, idle, max_line)
        finally:
            response.close()
