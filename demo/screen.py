"""What people see: steps, files, calls, and whether all was as due. Colours on a terminal only."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from demo.due import Calls
from testbed.driver import Mounted

MASK = "••••••••"
"""The same for every value: its length is nobody's business either."""
WIDTH = 108
_LONGEST_VALUE = 34


@dataclass(slots=True)
class Screen:
    """Prints, and remembers what was not as due."""

    reveal: bool = False
    console: Console = field(default_factory=lambda: Console(highlight=False))
    wrong: list[str] = field(default_factory=list)
    checked: int = 0
    _step: int = 0

    def __post_init__(self) -> None:
        is_terminal = self.console.is_terminal
        self.console.width = min(self.console.width, WIDTH) if is_terminal else WIDTH

    def title(self, text: str, why: str) -> None:
        """A step begins: what is done, and why it matters."""
        self._step += 1
        heading = Text.assemble((f" {self._step} ", "bold reverse cyan"), (f" {text} ", "bold"))
        self.console.print()
        self.console.print(Rule(heading, align="left", style="cyan"))
        self.console.print(Padding(Text(why, style="italic"), (0, 0, 0, 4), expand=False))

    def say(self, text: str | Text, style: str = "") -> None:
        """A line or a paragraph."""
        if not text:
            self.console.print()
            return
        body = text if isinstance(text, Text) else Text(text, style=style)
        self.console.print(Padding(body, (0, 0, 0, 4), expand=False))

    def command(self, text: str) -> None:
        """Something to paste: never wrapped."""
        self.console.print(Text(text, style="cyan"), soft_wrap=True)

    def excerpt(self, lines: Sequence[str], left_out: int = 0) -> None:
        """What a command has printed, cut at the right, with the number of lines that follow."""
        text = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
        if left_out:
            text.append(f"\n… {left_out} more line{'s' * (left_out != 1)}", style="dim")
        self.console.print(Padding(text, (0, 0, 0, 6), expand=False))

    def heading(self, name: str, about: str = "") -> None:
        """What the following is about."""
        self.console.print()
        body = Text.assemble((name, "bold cyan"), (f"  {about}" * bool(about), "dim"))
        self.console.print(Padding(body, (0, 0, 0, 2), expand=False))

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
            version = short_version(mounted.versions.get(path))
            table.add_row(Text(path), size, mode, Text(self.value(content)), version)
        self.console.print(Padding(table, (0, 0, 0, 4), expand=False))

    def value(self, content: bytes) -> str:
        """A value, masked unless everybody may see it."""
        if not self.reveal:
            return MASK
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = content.hex(" ")
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
        panel = Panel(text, title=title, title_align="left", border_style="red", box=box.ROUNDED)
        self.console.print(Padding(panel, (0, 0, 0, 4), expand=False))

    def check(self, what: str, problems: Iterable[str]) -> None:
        """Say that something is as due, or what is not."""
        self.checked += 1
        found = list(problems)
        if not found:
            self.say(Text.assemble(("✓ ", "bold green"), what))
            return
        self.wrong += [f"{what}: {problem}" for problem in found]
        self.say(Text.assemble(("✗ ", "bold red"), (what, "red")))
        for problem in found:
            self.say(f"  {problem}", "red")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """While something takes a moment."""
        if not self.console.is_terminal:
            self.say(f"… {text}", "dim")
            yield
            return
        with self.console.status(text):
            yield

    def wait(self, seconds: float, text: str) -> None:
        """Let time pass."""
        with self.waiting(text):
            time.sleep(max(0.0, seconds))

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and what they stand for."""
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for name, text in rows:
            table.add_row(name, Text(text))
        self.console.print(Padding(table, (0, 0, 0, 4), expand=False))


def short_version(version: str | None) -> str:
    """A version as far as one needs to tell it from others."""
    if version is None:
        return ""
    return version if len(version) <= 8 else version[:8] + "…"


def calls_text(calls: Calls, lost: Calls | None = None) -> str:
    """`eu-west-1: AssumeRoleWithWebIdentity, GetSecretValue ×2; …`, lost ones marked."""
    by_place: dict[str, list[str]] = {}
    for kind, number in sorted(calls.items()):
        if number:
            operation, _, place = kind.rpartition(" ")
            text = operation + (f" ×{number}" if number > 1 else "")
            text += " (no answer)" if lost and lost[kind] else ""
            by_place.setdefault(place, []).append(text)
    return "; ".join(f"{place}: {', '.join(texts)}" for place, texts in by_place.items())


def milliseconds(seconds: float) -> str:
    """`12 ms`, or `3.1 s`."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
