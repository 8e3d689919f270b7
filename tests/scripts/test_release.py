"""scripts/release.py: what a tag must agree with, and what it makes."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from provider import __version__
from scripts import release
from tests.deploy import manifests

CHANGELOG = """\
# Changelog

## [Unreleased]

## [0.2.0] - 2026-01-02

### Added

- A thing.

## [0.1.0] - 2025-12-31

- First.
"""
DIGEST = f"sha256:{'0' * 64}"


def test_the_notes_are_the_section_of_the_version() -> None:
    assert release.notes(CHANGELOG, "v0.2.0") == "### Added\n\n- A thing."
    assert release.notes(CHANGELOG, "v0.1.0") == "- First."
    assert release.notes(CHANGELOG, "v0.3.0") == ""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What is released, with a section in the changelog."""
    for name in ("provider/__init__.py", *(f"deploy/chart/{c}/Chart.yaml" for c in release.CHARTS)):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(release.ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(f"## [{__version__}] - 2026-01-02\n\n- A thing.\n")
    return tmp_path


def test_a_tag_that_agrees_with_everything_is_released(clone: Path) -> None:
    assert list(release.problems(f"v{__version__}", clone)) == []


def test_each_place_that_does_not_agree_is_named(clone: Path) -> None:
    found = "\n".join(release.problems("v9.9.9", clone))
    assert re.findall(r"^(\S+):", found, re.MULTILINE) == [
        "provider/__init__.py",
        *(f"deploy/chart/{chart}/Chart.yaml" for chart in release.CHARTS for _ in range(2)),
        "CHANGELOG.md",
    ]


def test_released_charts_install_the_image_by_its_digest(tmp_path: Path) -> None:
    release.write_charts("ghcr.io/owner/repo", DIGEST, tmp_path)
    for chart in release.CHARTS:
        assert not any(path.is_symlink() for path in (tmp_path / chart).rglob("*"))
        [pod] = manifests.pods(manifests.templated(tmp_path / chart, {}, release=chart))
        [container] = pod["containers"]
        assert container["image"] == f"ghcr.io/owner/repo@{DIGEST}"
        assert yaml.safe_load((tmp_path / chart / "Chart.yaml").read_text())["name"] == chart
