"""An HTTP answer that is read line by line while it comes, as the watches of Kubernetes are."""

from asyncio import timeout
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from provider.runtime.http_errors import FAILURES, no_answer, too_long
from provider.runtime.transport import NoAnswer


@dataclass(frozen=True, slots=True)
class Stream:
    """The answer's status and headers, and its body as it comes. Read the body once only.

    `idle` is for each wait for more of the body, in seconds; `max_line` bounds a line in bytes.
    """

    status: int
    headers: Mapping[str, str]
    content: aiohttp.StreamReader = field(repr=False)
    url: URL
    idle: float
    max_line: int

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Lines without their ends. Raises `NoAnswer`, which is `AnswerTooLong` for a long line."""
        begun = bytearray()
        while chunk := await self._chunk():
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                self._check(len(begun) + len(line))
                yield bytes(begun) + line
                begun.clear()
            begun += rest
            self._check(len(begun))
        if begun:
            yield bytes(begun)

    async def read(self, most: int) -> bytes:
        """The whole body; raises `AnswerTooLong` if it has more than `most` bytes."""
        body = bytearray()
        while chunk := await self._chunk():
            body += chunk
            if len(body) > most:
                raise too_long(self.url, most)
        return bytes(body)

    async def _chunk(self) -> bytes:
        try:
            async with timeout(self.idle):
                return await self.content.readany()
        except TimeoutError as error:
            text = f"{self.url.origin()} sent nothing for {self.idle:g} s"
            raise NoAnswer("timeout", text) from error
        except FAILURES as error:
            raise no_answer(error, self.url) from error

    def _check(self, length: int) -> None:
        if length > self.max_line:
            raise too_long(self.url, self.max_line)
