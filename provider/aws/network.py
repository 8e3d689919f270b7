"""How the node reaches AWS, from the standard environment variables: CA bundle and proxies.

Read once at start-up, so that a mistake stops the daemon with one clear line (`ValueError`).
"""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from provider.aws.rules import botocore_file
from provider.http.origin import DEFAULT_PORTS, Origin, Proxy, parse_origin


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
        self._no_proxy = urls.get("no", "")
        self._by_scheme = {
            scheme: _parse_proxy(f"{scheme.upper()}_PROXY", urls[scheme])
            for scheme in DEFAULT_PORTS
            if urls.get(scheme)
        }

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """The proxy to use on the way to `origin`."""
        proxy = self._by_scheme.get(origin.scheme)
        if proxy is None or is_bypassed(origin.address, self._no_proxy):
            return None
        return proxy


def is_bypassed(address: str, no_proxy: str) -> bool:
    """Whether `NO_PROXY` names this `host:port`: itself or a domain above, with or without port.

    As `urllib.request` does, whose import is a tenth of the daemon's start.
    """
    if no_proxy == "*":
        return True
    address = address.lower()
    host = address.rpartition(":")[0]
    for entry in no_proxy.lower().split(","):
        name = entry.strip().lstrip(".")
        if name and any(one == name or one.endswith(f".{name}") for one in (host, address)):
            return True
    return False


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
