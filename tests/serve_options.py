"""The daemon's configuration as its command line gives it."""

from collections.abc import Mapping, Sequence

from provider.cli.main import in_argparse_style
from provider.cli.serve import add_options
from provider.csi.config import Config
from provider.runtime.options import configure
from provider.tools.arguments import PROGRAM, Parser


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Config:
    """The configuration that arguments and environment give; raises `UsageError`, `ConfigError`."""
    parser = Parser(prog=PROGRAM)
    add_options(parser)
    found = parser.parse(in_argparse_style(arguments))
    return configure(Config, vars(found), environment)
