"""Go's path and net/url packages, as sprig offers them."""

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import from_utf8, to_utf8
from provider.controller.template.values import Map, type_name

TABLE = Functions()
add = TABLE.add


@add("clean osClean", "string")
def clean(path: bytes) -> bytes:
    """path.Clean."""
    rooted = path.startswith(b"/")
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part in (b"", b"."):
            continue
        if part != b"..":
            parts.append(part)
        elif parts and parts[-1] != b"..":
            parts.pop()
        elif not rooted:
            parts.append(part)
    return (b"/" if rooted else b"") + b"/".join(parts) or b"."


@add("base osBase", "string")
def _base(path: bytes) -> bytes:
    if not path:
        return b"."
    return path.rstrip(b"/").rpartition(b"/")[2] or b"/"


@add("ext osExt", "string")
def _ext(path: bytes) -> bytes:
    name = path.rpartition(b"/")[2]
    return name[name.rfind(b".") :] if b"." in name else b""


add("dir osDir", "string")(lambda path: clean(path[: path.rfind(b"/") + 1]))
add("isAbs osIsAbs", "string")(lambda path: path.startswith(b"/"))

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_USERINFO: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PATH_SAFE: Final = "$&+,/:;=@-_.~"


@add("urlParse", "string", budget=True)
def _url_parse(budget: Budget, text: bytes) -> Map:
    budget.step(len(text) >> 2)
    return url_parse(text)


def url_parse(text: bytes) -> Map:
    """url.Parse as a dictionary. Raises FunctionError with no part of the URL."""
    url = from_utf8(text)
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in url):
        raise FunctionError("unable to parse url: invalid control character in URL")
    url, _, fragment = url.partition("#")
    parts = dict.fromkeys(
        ("scheme", "host", "hostname", "path", "query", "opaque", "fragment", "userinfo"), ""
    )
    parts["fragment"] = _unescaped(fragment)
    _hierarchy(url, parts)
    return Map({key.encode(): to_utf8(value) for key, value in parts.items()})


def _hierarchy(url: str, parts: dict[str, str]) -> None:
    match = _SCHEME.match(url)
    if url.startswith(":"):
        raise FunctionError("unable to parse url: missing protocol scheme")
    if match:
        parts["scheme"] = match.group(1).lower()
        url = url[match.end() :]
    if url.endswith("?") and url.count("?") == 1:
        url = url[:-1]
    else:
        url, _, parts["query"] = url.partition("?")
    if match and not url.startswith("/"):
        parts["opaque"] = url
        return
    if not match and ":" in url.split("/", 1)[0]:
        raise FunctionError("unable to parse url: first path segment in URL cannot contain colon")
    if url.startswith("//") and (match or not url.startswith("///")):
        authority, slash, path = url[2:].partition("/")
        url = slash + path
        _authority(authority, parts)
    parts["path"] = _unescaped(url)


def _unescaped(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise FunctionError("unable to parse url: invalid URL escape")
    return from_utf8(unquote_to_bytes(to_utf8(text)))


def _authority(authority: str, parts: dict[str, str]) -> None:
    user, at, host = authority.rpartition("@")
    if at:
        parts["userinfo"] = _userinfo(user)
    parts["host"] = _host(host)
    parts["hostname"] = _hostname(parts["host"])


def _userinfo(user: str) -> str:
    if not _USERINFO.fullmatch(user):
        raise FunctionError("unable to parse url: net/url: invalid userinfo")
    name, colon, password = user.partition(":")
    safe = "$&+,;=-_.~"
    name, password = (quote(to_utf8(_unescaped(one)), safe=safe) for one in (name, password))
    return f"{name}:{password}" if colon else name


def _host(host: str) -> str:
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            raise FunctionError("unable to parse url: missing ']' in host")
        port = host[end + 1 :]
    else:
        colon = host.find(":")
        port = host[colon:] if colon >= 0 else ""
    if port and not re.fullmatch(r":[0-9]*", port):
        raise FunctionError("unable to parse url: invalid port after host")
    if re.search(r'[ "\\^`{|}]', host):
        raise FunctionError("unable to parse url: invalid character in host name")
    if re.search(r"%(?![89a-fA-F][0-9a-fA-F]|25)", host) and not host.startswith("["):
        raise FunctionError("unable to parse url: invalid URL escape")
    return _unescaped(host)


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host[1 : host.find("]")]
    return host.rpartition(":")[0] if ":" in host else host


@add("urlJoin", "dict")
def _url_join(parts: Map) -> bytes:
    text = {name: _part(parts, name) for name in
            ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo")}  # fmt: skip
    url = f"{text['scheme']}:" if text["scheme"] else ""
    if text["opaque"]:
        url += text["opaque"]
    else:
        url += _location(text, url)
    if text["query"]:
        url += f"?{text['query']}"
    if text["fragment"]:
        url += "#" + quote(to_utf8(text["fragment"]), safe=_PATH_SAFE + "!()*?")
    return to_utf8(url)


def _location(text: dict[str, str], before: str) -> str:
    url = ""
    if text["scheme"] or text["host"] or text["userinfo"]:
        if text["host"] or text["path"] or text["userinfo"]:
            url += "//"
        if text["userinfo"]:
            user = url_parse(to_utf8(f"proto://{text['userinfo']}@host")).items[b"userinfo"]
            url += from_utf8(user if isinstance(user, bytes) else b"") + "@"
        url += quote(to_utf8(text["host"]), safe="!$&'()*+,;=:[]<>\"-_.~")
    path = quote(to_utf8(text["path"]), safe=_PATH_SAFE)
    if text["path"] == "*":
        path = "*"
    if path and path[0] != "/" and text["host"]:
        url += "/"
    if not before and not url and ":" in path.split("/", 1)[0]:
        url += "./"
    return url + path


def _part(parts: Map, name: str) -> str:
    value = parts.items.get(name.encode(), b"")
    if not isinstance(value, bytes):
        raise FunctionError(
            f"unable to parse {name} key, must be of type string, but {type_name(value)} found"
        )
    return from_utf8(value)
