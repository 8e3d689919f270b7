"""Every function that a template may call, by theme."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from provider.controller.template.functions import (
    builtin,
    casing,
    certificates,
    comparing,
    crypto,
    dates,
    dicts,
    encoding,
    jwk,
    lists,
    math,
    paths,
    pem,
    pkcs12_files,
    random_text,
    regex,
    semver,
    strings,
    wrapping,
)
from provider.controller.template.registry import Function

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        **builtin.TABLE,
        **strings.TABLE,
        **casing.TABLE,
        **random_text.TABLE,
        **wrapping.TABLE,
        **lists.TABLE,
        **dicts.TABLE,
        **comparing.TABLE,
        **math.TABLE,
        **encoding.TABLE,
        **crypto.TABLE,
        **certificates.TABLE,
        **pem.TABLE,
        **pkcs12_files.TABLE,
        **jwk.TABLE,
        **dates.TABLE,
        **regex.TABLE,
        **semver.TABLE,
        **paths.TABLE,
    }
)
"""text/template's, sprig's without env, expandenv and getHostByName, and ESO's own."""
