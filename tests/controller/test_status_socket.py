"""The socket of the status: who is answered."""

import asyncio
import os
import socket
from typing import NoReturn

import pytest

from provider.controller.status_socket import StatusSocket, address_of

NAME = f"@test-{os.getpid()}"


async def document() -> bytes:
    return b"{}"


async def ask() -> bytes:
    reader, writer = await asyncio.open_unix_connection(address_of(NAME))
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_the_own_user_gets_the_document() -> None:
    status = StatusSocket(NAME, document)
    await status.start()
    try:
        assert await ask() == b"{}"
    finally:
        await status.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # fork beside threads; the child uses none
async def test_another_user_gets_nothing() -> None:
    status = StatusSocket(NAME, document)
    await status.start()
    try:
        if (child := os.fork()) == 0:
            _ask_as_nobody()
        _, code = await asyncio.to_thread(os.waitpid, child, 0)
    finally:
        await status.close()
    assert os.waitstatus_to_exitcode(code) == 0


def _ask_as_nobody() -> NoReturn:
    """End this process; 0 if there was no answer."""
    try:
        os.setuid(65534)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address_of(NAME))
        os._exit(len(connection.recv(100)))
    except ConnectionResetError:
        os._exit(0)
    finally:
        os._exit(111)


async def test_a_taken_name_is_no_reason_to_stop(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as taken:
        taken.bind(address_of(NAME))
        status = StatusSocket(NAME, document)
        await status.start()
        await status.close()
    assert "the status socket is not available" in caplog.text
