"""How the node reaches AWS, from the standard environment variables: CA bundle and proxies.

Read once at start-up, so that a mistake stops the daemon with one clear line (`ValueError`).
"""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed

from provider.aws.rules import botocore_file

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
    return Origin(scheme, parts.hostname, parts.port or DEFAULT_PORTS[scheme])


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what it wants to see in `Proxy-Authorization`."""

    origin: Origin
    authorization: str | None = field(default=None, repr=False)


class Proxies:
    """`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in either case, read as the SDK does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        # Lower case wins, and an empty lower-case variable switches the upper-case one off.
        upper_first = sorted(environment.items(), key=lambda item: item[0].islower())
        urls = {
            name.lower().removesuffix("_proxy"): value
            for name, value in upper_first
            if name.lower() in ("http_proxy", "https_proxy", "no_proxy")
        }
        self._bypass = {"no": urls.get("no", "")}
        self._by_scheme = {
            scheme: _parse_proxy(f"{scheme.upper()}_PROXY", urls[scheme])
            for scheme in DEFAULT_PORTS
            if urls.get(scheme)
        }

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """The proxy to use on the way to `origin`."""
        proxy = self._by_scheme.get(origin.scheme)
        if proxy is None or proxy_bypass_environment(origin.address, self._bypass):
            return None
        return proxy


def _parse_proxy(variable: str, value: str) -> Proxy:
    url = value if "://" in value else f"http://{value.removeprefix('//')}"
    try:
        origin = parse_origin(url)
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from None
    parts = urlsplit(url)
    if parts.username is None or parts.password is None:
        return Proxy(origin)
    login = f"{unquote(parts.username)}:{unquote(parts.password)}"
    return Proxy(origin, f"Basic {b64encode(login.encode()).decode()}")


def tls_context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """The process's one TLS context: loading a CA bundle costs 15 ms, so it is done once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        if bundle := environment.get(variable):
            _load(context, bundle, variable)
            return context
    _load(context, _default_bundle(), "the CA bundle")
    return context


def _default_bundle() -> str:
    """As botocore does: certifi's where there is certifi, else its own."""
    try:
        from certifi import where  # noqa: PLC0415 - it may be missing
    except ImportError:
        return str(botocore_file("cacert.pem"))
    return where()


def _load(context: ssl.SSLContext, bundle: str, source: str) -> None:
    is_folder = Path(bundle).is_dir()
    try:
        context.load_verify_locations(
            cafile=None if is_folder else bundle, capath=bundle if is_folder else None
        )
    except OSError as error:  # ssl.SSLError is one: no certificate in the file
        raise ValueError(f"{source}: cannot load certificates from {bundle}: {error}") from error
