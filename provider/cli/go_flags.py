"""Command lines written for AWS's provider, which is written in Go.

Go's flag package takes one dash or two before a long name, and AWS's provider has the flags of
klog as well. They are accepted so that manifests work with the image swapped.
"""

import re
from collections.abc import Iterable, Sequence

KLOG_FLAGS = (
    "v",
    "vmodule",
    "logtostderr",
    "alsologtostderr",
    "stderrthreshold",
    "log_dir",
    "log_file",
    "log_file_max_size",
    "log_backtrace_at",
    "add_dir_header",
    "skip_headers",
    "skip_log_headers",
    "one_output",
    "legacy_stderr_threshold_behavior",
)
"""Accepted without effect."""

_ONE_DASH = re.compile(r"-[a-z][a-z0-9_-]+(=|$)|-v(=|$)")


def in_argparse_style(arguments: Iterable[str]) -> Sequence[str]:
    """The arguments with two dashes before each long name, and before klog's `-v`."""
    return [f"-{one}" if _ONE_DASH.match(one) else one for one in arguments]
