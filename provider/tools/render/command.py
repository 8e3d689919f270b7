"""Prints the Secret that the controller would write for an ExternalSecret."""

import sys
from argparse import Namespace

from provider.tools.render.options import add_options, checked

__all__ = ["add_options", "run"]


def run(namespace: Namespace) -> int:
    """Render, and print the Secret or the template's output."""
    options = checked(namespace)
    from provider.tools.render.secret import rendered_text  # noqa: PLC0415 - imports the engine

    sys.stdout.write(rendered_text(options))
    return 0
