"""A file of certificate authorities, which is read again when it changes."""

import asyncio
import ssl
from pathlib import Path
from time import monotonic

from provider.runtime.log import fields, logger

_LOOK_AGAIN = 5.0
"""Seconds between two looks at the file."""


class CaFile:
    """The authorities in a file or folder, in one TLS context. `source` names it in messages.

    Raises ValueError if it cannot be loaded.
    """

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._source = source
        self._seen = _state(path)
        self._context = self._load()
        self._look_again_at = monotonic() + _LOOK_AGAIN

    async def context(self) -> ssl.SSLContext:
        """The context to connect with; a new one after the file has changed.

        A file that cannot be loaded is reported in the log, and the authorities stay as they are.
        """
        if monotonic() >= self._look_again_at:
            self._look_again_at = monotonic() + _LOOK_AGAIN
            state = _state(self._path)
            if state != self._seen:
                self._seen = state
                # Its end counts for all callers, even if this one leaves before.
                await asyncio.shield(self._reload())
        return self._context

    async def _reload(self) -> None:
        try:
            self._context = await asyncio.to_thread(self._load)  # some 20 ms of CPU
        except ValueError as error:
            logger.warning(
                "a changed CA bundle cannot be loaded; the old authorities stay in use: %s",
                error,
                extra=fields(),
            )
        else:
            logger.info("read %s again, as it has changed", self._source, extra=fields())

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if self._path.is_dir():
                context.load_verify_locations(capath=self._path)
            else:
                context.load_verify_locations(self._path)
        except OSError as error:  # ssl.SSLError is one: no certificate in the file
            raise ValueError(
                f"{self._source}: cannot load certificates from {self._path}: {error}"
            ) from error
        return context


def _state(path: Path) -> tuple[int, ...]:
    """What changes when the file does."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
