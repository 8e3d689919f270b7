"""`python -m demo`: the daemon on an emulated node."""

from demo import story, tools
from demo.running import Demo
from demo.stage import running

STEPS = (*story.STEPS, tools.each_once, story.the_end)

if __name__ == "__main__":
    Demo("demo", "The daemon on an emulated node.", running, STEPS, tools.by_hand).main()
