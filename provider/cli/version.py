"""`version`: print what runs, for bug reports."""

import platform
import sys
from argparse import Namespace

from provider import __version__
from provider.tools.arguments import PROGRAM, Parser


def add_options(parser: Parser) -> None:
    """There are no options."""
    parser.description = "Print the versions of this program, the provider API and Python."


def run(_options: Namespace) -> int:
    sys.stdout.write(
        f"{PROGRAM} {__version__} (provider API v1alpha1, Python {platform.python_version()}, "
        f"{platform.system().lower()}/{platform.machine()})\n"
    )
    return 0
