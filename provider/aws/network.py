"""How AWS is reached, from the standard environment variables: proxies and CA bundle.

The environment is read once, at the start, so that a mistake stops the program with one clear line
(ValueError). The file of the CA bundle is read again when it changes.
"""

from base64 import b64encode
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed

from provider.aws.endpoints import DEFAULT_PORTS, split_url
from provider.runtime.ca_file import CaFile
from provider.runtime.http import HttpClient, Proxy
from provider.runtime.transport import NoAnswer, Reply, Request

_BUNDLE_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


class Network:
    """Sends requests to AWS; `send` is a `Transport`. Raises ValueError for an invalid variable.

    `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in either case, are read as the SDKs do.
    """

    def __init__(self, environment: Mapping[str, str], http: HttpClient) -> None:
        def get(name: str) -> str:
            # Lower case wins, and an empty lower-case variable switches the upper-case one off.
            return environment.get(name.lower(), environment.get(name, ""))

        self._http = http
        self._authorities = _authorities(environment)
        self._no_proxy = get("NO_PROXY")
        self._proxies = {
            scheme: _parse_proxy(name, url)
            for scheme in DEFAULT_PORTS
            if (url := get(name := f"{scheme.upper()}_PROXY"))
        }

    async def send(self, request: Request) -> Reply:
        proxy = self._proxy_for(request.url)
        tls = await self._authorities.context()
        try:
            return await self._http.send(request, tls=tls, proxy=proxy)
        except NoAnswer as failure:
            if failure.kind != "untrusted":
                raise
            hint = f"{failure} (is AWS_CA_BUNDLE right?)"
            raise NoAnswer(failure.kind, hint) from failure

    def _proxy_for(self, url: str) -> Proxy | None:
        parts = urlsplit(url)
        proxy = self._proxies.get(parts.scheme)
        if proxy is None:
            return None
        port = "" if parts.port else f":{DEFAULT_PORTS[parts.scheme]}"
        address = f"{parts.netloc}{port}"
        return None if proxy_bypass_environment(address, {"no": self._no_proxy}) else proxy


def _parse_proxy(variable: str, value: str) -> Proxy:
    url = value if "://" in value else f"http://{value.removeprefix('//')}"
    try:
        parts, host = split_url(url)
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from None
    authorization = None
    if parts.username is not None and parts.password is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password)}"
        authorization = f"Basic {b64encode(login.encode()).decode()}"
    return Proxy(f"{parts.scheme}://{host}", authorization)


def _authorities(environment: Mapping[str, str]) -> CaFile:
    """Those that AWS's certificates are checked by."""
    variable = next(filter(environment.get, _BUNDLE_VARIABLES), "")
    path = Path(environment[variable]) if variable else _default_bundle()
    return CaFile(path, variable or "the CA bundle")


def _default_bundle() -> Path:
    """The one that comes with botocore, which stays unimported."""
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        raise ValueError("there is no CA bundle: set AWS_CA_BUNDLE")
    return Path(spec.origin).parent / "cacert.pem"
