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
    lists,
    math,
    paths,
    pem,
    regex,
    semver,
    strings,
)
from provider.controller.template.registry import Function

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType({
    **builtin.TABLE,
    **strings.TABLE,
    **casing.TABLE,
    **lists.TABLE,
    **dicts.TABLE,
    **comparing.TABLE,
    **math.TABLE,
    **encoding.TABLE,
    **crypto.TABLE,
    **certificates.TABLE,
    **pem.TABLE,
    **dates.TABLE,
    **regex.TABLE,
    **semver.TABLE,
    **paths.TABLE,
})
"""text/template's, sprig's without env, expandenv and getHostByName, and ESO's own."""
