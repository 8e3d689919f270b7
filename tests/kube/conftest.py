"""Clients of an API server, with a token in `tmp_path`."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from provider.kube.connection import Connection
from provider.kube.objects import Objects
from provider.runtime.http import HttpClient
from testbed.kubernetes import TOKEN

MakeApi = Callable[..., Objects]


@pytest.fixture
async def api_of(tmp_path: Path) -> AsyncIterator[MakeApi]:
    """Makes a client of the API at a URL."""
    http = HttpClient()

    def make(url: str, *, token: str = TOKEN, **options: Any) -> Objects:
        (tmp_path / "token").write_text(token + "\n")
        connection = Connection(
            url,
            ca_file=tmp_path / "ca.crt",
            token_file=tmp_path / "token",
            send=http.send,
            stream=http.stream,
        )
        return Objects(connection, **{"field_manager": "tests", **options})

    yield make
    await http.close()
