"""`python -m demo`: the daemon on an emulated node; exit code 0 only if every check passed."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from demo import story, tools
from demo.running import OUTPUT, main, stay_up
from demo.screen import Screen
from demo.stage import Stage, running

Step = Callable[[Stage, Screen], None]
STEPS: Sequence[Step] = (
    story.the_node,
    story.classes,
    story.identities,
    story.outage,
    story.rotation,
    story.mistakes,
    tools.each_once,
    story.the_end,
)


def run(steps: Sequence[Step], screen: Screen, output: Path, *, keep: bool = False) -> None:
    """Run these steps, and print which checks failed."""
    with running(output, screen) as stage:
        for step in steps:
            step(stage, screen)
            stage.daemon.check()
        screen.summary(stage.daemon.log_tail)
        if keep:
            tools.by_hand(stage, screen)
            stay_up()


def _run(screen: Screen, options: Namespace) -> None:
    run(STEPS, screen, OUTPUT, keep=options.keep)


if __name__ == "__main__":
    main("python -m demo", __doc__, _run)
