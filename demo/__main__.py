"""`python -m demo`: the daemon on an emulated node."""

from collections.abc import Callable, Sequence
from pathlib import Path

from demo import story, tools
from demo.running import OUTPUT, main, stay_up
from demo.screen import Screen
from demo.stage import Stage, running

ABOUT = "The daemon on an emulated node. The exit code is 0 only if every check passed."
Step = Callable[[Stage, Screen], None]
STEPS = (*story.STEPS, tools.each_once, story.the_end)


def run(steps: Sequence[Step], screen: Screen, output: Path, *, keep: bool = False) -> None:
    """Run these steps, and print which checks failed."""
    screen.say("… the node is starting", "dim")
    with running(output) as stage:
        for step in steps:
            screen.title(step)
            step(stage, screen)
            stage.daemon.check()
        screen.summary(stage.daemon.tail)
        if keep:
            screen.title(tools.by_hand)
            tools.by_hand(stage, screen)
            stay_up()


if __name__ == "__main__":
    output = OUTPUT / "daemon"
    main("demo", ABOUT, output, lambda screen, keep: run(STEPS, screen, output, keep=keep))
