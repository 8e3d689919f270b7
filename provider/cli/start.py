"""What `serve` and `controller` do before they import what they run."""

import gc
import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TypeVar

from provider.cli.option_table import given
from provider.runtime.options import ConfigError, Options
from provider.tools.arguments import UsageError

T = TypeVar("T")


def start(
    configure: Callable[[Mapping[str, str], Mapping[str, str]], T],
    namespace: Namespace,
    options: Options,
) -> T:
    """The configuration from command line and environment; raises `UsageError`.

    From then on stop signals are held, so that none gets lost during the slow imports that follow.
    """
    try:
        config = configure(given(namespace, options), os.environ)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    from provider.runtime import signals  # noqa: PLC0415 - imports asyncio: not for a wrong option

    signals.hold()
    gc.disable()  # nothing that the start allocates is garbage
    return config
