"""The two ends of a way: who is asked, and the proxy in between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Scheme = Literal["http", "https"]
DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who is at the other end of a connection."""

    scheme: Scheme
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The `Host` header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def address(self) -> str:
        """Host and port, always both: what a proxy is asked to connect to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def parse_origin(url: str) -> Origin:
    """The origin of an http(s) URL; `ValueError` (which never quotes the URL) for anything else."""
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in DEFAULT_PORTS:
        raise ValueError("not an http:// or https:// URL with a host")
    scheme: Scheme = "https" if parts.scheme == "https" else "http"
    try:
        port = parts.port
    except ValueError:  # its text quotes what stands there, which may be of a password
        raise ValueError("not a port at the end of the host") from None
    return Origin(scheme, parts.hostname, port or DEFAULT_PORTS[scheme])


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what it wants to see in `Proxy-Authorization`."""

    origin: Origin
    authorization: str | None = field(default=None, repr=False)
