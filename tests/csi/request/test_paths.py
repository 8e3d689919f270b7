"""The driver's rules for file names."""

import posixpath

from hypothesis import given
from hypothesis import strategies as st

from provider.csi.request.paths import clashes, fault_in, translate

TRANSLATED = {
    "default": ("a/b", "_", "a_b"),
    "leading slash": ("/a/b", "_", "_a_b"),
    "other character": ("/a/b", "-", "-a-b"),
    "folders": ("a/b", None, "a/b"),
    "folders, leading slashes": ("//a/b", None, "a/b"),
    "ARN": (
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a/b-AbCdEf",
        "_",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a_b-AbCdEf",
    ),
}


def test_names_become_files() -> None:
    for case, (name, separator, file) in TRANSLATED.items():
        assert translate(name, separator) == file, case
        assert fault_in(file) is None, case


GOOD = ["a", "a/b", ".a", "a..b", "a/..b", "a/...", "é" * 127, "a:b", "a" * 255, "a b", "-", "\n"]
BAD = {
    "empty": "",
    "dot": ".",
    "dot dot": "..",
    "begins with dot dot": "..a/b",
    "three dots first": "...",
    "parent inside": "a/../b",
    "parent at end": "a/..",
    "dot inside": "a/./b",
    "absolute": "/a",
    "slash at end": "a/",
    "double slash": "a//b",
    "long element": "a" * 256,
    "long element in bytes": "é" * 128,
    "long path": "/".join(["a" * 200] * 21),
    "NUL": "a\0b",
    "half a surrogate": "a\ud800",
}


def test_fit_paths_pass() -> None:
    assert [path for path in GOOD if fault_in(path)] == []


def test_unfit_paths_have_a_reason() -> None:
    assert [name for name, path in BAD.items() if not fault_in(path)] == []


@given(st.text(alphabet="ab./_\0é\ud800", max_size=30))
def test_a_path_that_passes_stays_below_the_volume(path: str) -> None:
    if fault_in(path) is None:
        assert posixpath.normpath(path) == path
        assert not path.startswith(("/", ".."))
        assert ".." not in path.split("/")
        assert path.encode()


def found(*files: str) -> list[str]:
    owned = [(file, f"objects[{index}]") for index, file in enumerate(files)]
    return sorted(f"objects[{index}]: {why}" for index, why in clashes(owned))


def test_a_file_twice_is_the_later_ones_fault() -> None:
    assert found("a", "b", "a", "a") == [
        'objects[2]: "a" is already used by objects[0]',
        'objects[3]: "a" is already used by objects[0]',
    ]


def test_every_file_under_another_file_is_reported() -> None:
    assert found("a/b", "a", "a.b", "a/c/d", "a-b/c") == [
        'objects[0]: "a/b" needs the folder "a", which is a file of objects[1]',
        'objects[3]: "a/c/d" needs the folder "a", which is a file of objects[1]',
    ]


@given(st.lists(st.text(alphabet="ab./", min_size=1, max_size=6), max_size=8))
def test_clashes_are_those_of_a_file_system(names: list[str]) -> None:
    files = [name for name in names if fault_in(name) is None]
    same = len(files) != len(set(files))
    nested = any(b.startswith(a + "/") for a in files for b in files)
    assert bool(found(*files)) == (same or nested)
