"""Clients of an API server, with a token in `tmp_path`."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from provider.kube.cluster_api import ClusterApi
from provider.kube.connection import Connection
from provider.runtime.http_stream import StreamingClient
from testbed.kubernetes import TOKEN

MakeApi = Callable[..., ClusterApi]


@pytest.fixture
async def api_of(tmp_path: Path) -> AsyncIterator[MakeApi]:
    """Makes a client of the API at a URL."""
    http = StreamingClient()

    def make(url: str, *, token: str = TOKEN, **options: Any) -> ClusterApi:
        (tmp_path / "token").write_text(token + "\n")
        connection = Connection(
            url, ca_file=tmp_path / "ca.crt", token_file=tmp_path / "token", send=http.send
        )
        return ClusterApi(connection, http, **{"field_manager": "tests", **options})

    yield make
    await http.close()
