"""What a release needs: `python -m scripts.release check|notes TAG`, `charts IMAGE DIGEST FOLDER`.

`check` fails where tag, version, charts and changelog do not agree. `notes` prints the section of
the changelog. `charts` writes the charts into FOLDER, so that they install the image by its digest.
It needs the standard library only.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHARTS = ("secrets-provider-aws", "secrets-controller-aws")
_REPOSITORY = re.compile(r"^(  repository: ).*$", re.MULTILINE)
_DIGEST = re.compile(r'^(  digest: )""$', re.MULTILINE)


def problems(tag: str, root: Path = ROOT) -> Iterator[str]:
    """Each place that does not say what the tag says."""
    wanted = tag.removeprefix("v")
    package = (root / "provider/__init__.py").read_text()
    if f'__version__ = "{wanted}"' not in package:
        yield f"provider/__init__.py: __version__ is not {wanted}"
    for chart in CHARTS:
        text = (root / "deploy/chart" / chart / "Chart.yaml").read_text()
        for key in ("version", "appVersion"):
            if not re.search(rf"^{key}: \"?{re.escape(wanted)}\"?$", text, re.MULTILINE):
                yield f"deploy/chart/{chart}/Chart.yaml: {key} is not {wanted}"
    if not notes((root / "CHANGELOG.md").read_text(), tag):
        yield f"CHANGELOG.md: no section ## [{wanted}] - YYYY-MM-DD with changes"


def notes(changelog: str, tag: str) -> str:
    """The text below the heading of a version; empty if there is none, or nothing below it."""
    heading = rf"^## \[{re.escape(tag.removeprefix('v'))}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)"
    found = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def write_charts(image: str, digest: str, folder: Path) -> None:
    """Copy the charts, with the image as their default."""
    for chart in CHARTS:
        # Links lead out of the chart's folder: their targets are copied.
        shutil.copytree(ROOT / "deploy/chart" / chart, folder / chart)
        values = folder / chart / "values.yaml"
        text = _REPOSITORY.sub(rf"\g<1>{image}", values.read_text(), count=1)
        values.write_text(_DIGEST.sub(rf"\g<1>{digest}", text, count=1))


def main(arguments: list[str]) -> str | None:
    """Run a command; returns what is wrong."""
    match arguments:
        case ["check", tag]:
            return "\n".join(problems(tag)) or None
        case ["notes", tag]:
            print(notes((ROOT / "CHANGELOG.md").read_text(), tag))
        case ["charts", image, digest, folder]:
            write_charts(image, digest, Path(folder))
        case _:
            return __doc__
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
