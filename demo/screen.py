"""Prints the demo: steps, files, calls, and checks. Colours on a terminal only."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from inspect import getdoc
from shutil import get_terminal_size

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from testbed.driver import Mounted
from testbed.journal import Call

MASK = "••••••••"
"""The same for every value: its length is not shown either."""
WIDTH = 108
_LONGEST_VALUE = 34


def _console() -> Console:
    return Console(highlight=False, width=min(get_terminal_size((WIDTH, 0)).columns, WIDTH))


@dataclass(slots=True)
class Screen:
    """Prints, and remembers the checks that failed in `wrong`."""

    reveal: bool = False
    console: Console = field(default_factory=_console)
    wrong: list[str] = field(default_factory=list)
    _checked: int = 0
    _step: int = 0
    _started: float = field(default_factory=time.monotonic)

    def title(self, step: Callable[..., object]) -> None:
        """A step begins: the first line of its docstring is what is done, the rest why."""
        self._step += 1
        title, _, why = (getdoc(step) or "").partition("\n\n")
        heading = Text.assemble((f" {self._step} ", "bold reverse cyan"), (f" {title} ", "bold"))
        self.console.print("", Rule(heading, align="left", style="cyan"), sep="\n")
        self.say(why.replace("\n", " "), "italic")

    def heading(self, name: str, about: str = "") -> None:
        """A part of a step begins."""
        self.console.print()
        self.say(Text.assemble((name, "bold cyan"), "  ", (about, "dim")), by=2)

    def say(self, content: RenderableType, style: str = "", by: int = 4) -> None:
        """A line, a paragraph or a table, indented."""
        content = Text(content, style) if isinstance(content, str) else content
        self.console.print(Padding(content, (0, 0, 0, by), expand=False))

    def command(self, text: str) -> None:
        """A command to paste: never wrapped."""
        self.console.print(Text(text, style="cyan"), soft_wrap=True)

    def excerpt(self, lines: Sequence[str], most: int = 8) -> None:
        """The first lines that a command has printed, cut at the right."""
        shown = lines if len(lines) <= most else lines[: most - 1]
        text = Text("\n".join(shown), no_wrap=True, overflow="ellipsis")
        if left_out := len(lines) - len(shown):
            text.append(f"\n… {left_out} more lines", style="dim")
        self.say(text, by=6)

    def files(self, mounted: Mounted) -> None:
        """The files of a volume."""
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
        table.add_column("file", style="green", overflow="fold", max_width=46)
        table.add_column("bytes", justify="right")
        table.add_column("mode")
        table.add_column("value", style="yellow", no_wrap=True)
        table.add_column("version", style="dim", no_wrap=True)
        for path, content in mounted.files.items():
            size, mode = str(len(content)), f"{mounted.modes[path]:04o}"
            version = short_version(mounted.versions[path])
            table.add_row(Text(path), size, mode, Text(self.value(content)), version)
        self.say(table)

    def value(self, content: bytes) -> str:
        """A value, masked unless `reveal`."""
        if not self.reveal:
            return MASK
        text = content.decode(errors="backslashreplace")
        text = "".join(one if one.isprintable() else "·" for one in text)
        return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"

    def event(self, pod: str, code: str, message: str) -> None:
        """A failed mount, as `kubectl describe pod` shows it."""
        head = (
            'Warning  FailedMount  kubelet  MountVolume.SetUp failed for volume "secrets" : '
            "rpc error: code = Unknown desc = failed to mount secrets store objects for pod "
            f"{pod}, err: rpc error: code = "
        )
        text = Text.assemble((head, "dim"), (code, "bold red"), (" desc = ", "dim"), message)
        title = f"kubectl describe pod {pod.rpartition('/')[2]}"
        self.say(Panel(text, title=title, title_align="left", border_style="red"))

    def check(self, what: str, is_so: bool, otherwise: object = "") -> None:
        """Say that something is as expected, or what there is instead."""
        self._checked += 1
        if is_so:
            self.say(Text.assemble(("✓ ", "bold green"), what))
            return
        self.wrong.append(f"{what}: {otherwise}")
        self.say(Text.assemble(("✗ ", "bold red"), (what, "red"), f": {otherwise}"))

    def facts(self, **rows: str) -> None:
        """Names and what they stand for."""
        for name, text in rows.items():
            self.say(Text.assemble((f"{name.replace('_', ' '):14}", "cyan"), text))

    def summary(self, log_tail: str) -> None:
        """How many checks passed, and which did not."""
        self.console.print()
        if not self.wrong:
            seconds = time.monotonic() - self._started
            self.say(f"✓ all {self._checked} checks passed, in {seconds:.1f} s", "bold green")
            return
        self.say(f"✗ {len(self.wrong)} of {self._checked} checks failed:", "bold red")
        self.say("\n".join([*self.wrong, "The log ends:", log_tail]), "red")


def short_version(version: str) -> str:
    """The beginning of a version, enough to tell it from others."""
    return version if len(version) <= 8 else version[:8] + "…"


def calls_text(calls: Iterable[Call]) -> str:
    """`eu-west-1: AssumeRoleWithWebIdentity, GetSecretValue ×2; …`."""
    by_place: dict[str, Counter[str]] = {}
    for call in calls:
        by_place.setdefault(call.region or call.service, Counter())[call.operation] += 1
    return "; ".join(
        f"{place}: " + ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in numbers.items())
        for place, numbers in by_place.items()
    )


def duration(seconds: float) -> str:
    """`12 ms`, or `3.1 s`."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
