"""The writer on real folders: whole sets, exact modes, nothing outside, nothing lost."""

import fcntl
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.csi.files.layout import MountedFile
from provider.csi.files.writer import Change, WriteFailed, write
from tests.csi.files.as_nobody import NOBODY
from tests.forked import run

preview = partial(write, dry_run=True)
SET = "..2026_01_02_03_04_05.0123456789"


def file(path: str, content: bytes = b"value", mode: int = 0o644) -> MountedFile:
    return MountedFile(path, mode, content)


def tree(volume: Path) -> dict[str, tuple[int, bytes]]:
    """What a pod finds: path to mode and content, hidden names left out."""
    found = {}
    for top in volume.iterdir():
        if not top.name.startswith(".."):
            below = [top, *top.rglob("*")] if top.is_dir() else [top]
            for path in below:
                if path.is_file():
                    mode = path.stat().st_mode & 0o7777
                    found[str(path.relative_to(volume))] = (mode, path.read_bytes())
    return found


def expected(files: Sequence[MountedFile]) -> dict[str, tuple[int, bytes]]:
    return {one.path: (one.mode, one.content) for one in files}


def current_set(volume: Path) -> str:
    """Name of the set that pods see."""
    return str((volume / "..data").readlink())


def everything(folder: Path) -> dict[str, object]:
    """All names below `folder`, hidden ones too, with what they are."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else (path.stat().st_mode, path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in folder.rglob("*")
    }


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


def test_the_layout_is_that_of_kubelet_and_driver(volume: Path) -> None:
    write(volume, [file("password"), file("db/user"), file("db/host")])
    (set_,) = [path for path in volume.iterdir() if path.is_dir() and not path.is_symlink()]
    assert {path.name: str(path.readlink()) for path in volume.iterdir() if path.is_symlink()} == {
        "..data": set_.name,
        "password": "..data/password",
        "db": "..data/db",
    }
    assert set_.stat().st_mode & 0o7777 == (set_ / "db").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o644, 0o777, 0o1777, 0o4755], ids=oct)
def test_modes_are_exact_whatever_the_umask(volume: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write(volume, [file("password", mode=mode)])
    finally:
        os.umask(before)
    assert (volume / "password").stat().st_mode & 0o7777 == mode


def test_changes_are_reported_by_path(volume: Path) -> None:
    write(volume, [file("same"), file("content"), file("mode"), file("gone/one")])
    new = [file("new"), file("same"), file("content", b"other"), file("mode", mode=0o600)]
    announced = (
        Change("new", "added"),
        Change("same", "unchanged"),
        Change("content", "changed"),
        Change("mode", "changed"),
        Change("gone/one", "removed"),
    )
    assert preview(volume, new) == announced
    assert write(volume, new) == announced
    assert tree(volume) == expected(new)
    assert len(list(volume.iterdir())) == 4 + len(["..data", "the set"])


def test_a_dry_run_touches_nothing(volume: Path) -> None:
    write(volume, [file("a")])
    before = everything(volume)
    preview(volume, [file("b")])
    assert everything(volume) == before
    missing = volume / "missing"
    assert preview(missing, [file("b")]) == (Change("b", "added"),)
    with pytest.raises(WriteFailed):
        preview(missing, [file("../b")])
    assert not missing.exists()


def test_an_unchanged_set_touches_nothing(volume: Path) -> None:
    files = [file("a"), file("b/c", mode=0o400)]
    write(volume, files)
    os.utime(volume, ns=(1, 1))
    before = everything(volume)
    assert {change.kind for change in write(volume, files)} == {"unchanged"}
    assert everything(volume) == before
    assert volume.stat().st_mtime_ns == 1


def test_no_files_leave_everything_as_it_is(volume: Path) -> None:
    write(volume, [file("a")])
    before = everything(volume)
    assert write(volume, []) == ()
    assert everything(volume) == before


def test_a_file_may_become_a_folder_and_back(volume: Path) -> None:
    for files in ([file("a")], [file("a/b")], [file("a", b"again")]):
        write(volume, files)
        assert tree(volume) == expected(files)


def test_a_link_that_was_removed_comes_back(volume: Path) -> None:
    files = [file("a"), file("b")]
    write(volume, files)
    (volume / "a").unlink()
    write(volume, files)
    assert tree(volume) == expected(files)


def test_what_a_killed_writer_left_is_removed(volume: Path) -> None:
    write(volume, [file("a")])
    (volume / SET / "deep").mkdir(parents=True)
    (volume / SET / "deep" / "half").write_text("half a secret")
    (volume / f"{SET}_tmp").symlink_to(SET)
    write(volume, [file("a")])
    assert len(list(volume.iterdir())) == 3
    assert tree(volume) == expected([file("a")])


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../../up",
        "..data",
        "a//b",
        "a/",
        "a/.",
        "a\0b",
        "x" * 256,
        "a/" * 101 + "b",
    ],
    ids=ascii,
)
def test_paths_that_could_lead_out_are_refused(volume: Path, path: str) -> None:
    with pytest.raises(WriteFailed):
        write(volume, [file("good"), file(path)])
    assert list(volume.iterdir()) == []


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b")], ids=str)
def test_files_that_exclude_each_other_are_refused(volume: Path, paths: tuple[str, str]) -> None:
    with pytest.raises(WriteFailed):
        write(volume, [file(path) for path in paths])
    assert list(volume.iterdir()) == []


# ---- links and other things in the way -------------------------------------------


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that must not be touched, whatever a test plants."""
    folder = tmp_path / "outside"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "file").write_text("theirs")
    (folder / "password").write_text("theirs")
    before = everything(folder)
    yield folder
    assert everything(folder) == before


def test_a_volume_that_is_a_link_is_refused(tmp_path: Path, outside: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(outside)
    for attempt in (write, preview):
        with pytest.raises(WriteFailed, match="symbolic link"):
            attempt(link, [file("a")])


def test_data_that_leads_outside_is_replaced_unread(volume: Path, outside: Path) -> None:
    (volume / "..data").symlink_to(outside)
    files = [file("password", b"theirs")]
    assert write(volume, files) == (Change("password", "added"),)
    assert tree(volume) == expected(files)


def test_a_set_that_is_a_link_is_removed_unread(volume: Path, outside: Path) -> None:
    (volume / SET).symlink_to(outside)
    (volume / "..data").symlink_to(SET)
    files = [file("password", b"theirs")]
    assert write(volume, files) == (Change("password", "added"),)
    assert tree(volume) == expected(files)
    assert not (volume / SET).is_symlink()


def test_links_within_the_current_set_are_not_followed(volume: Path, outside: Path) -> None:
    write(volume, [file("password", b"theirs"), file("a/file", b"theirs")])
    set_ = volume / current_set(volume)
    (set_ / "password").unlink()
    (set_ / "password").symlink_to(outside / "password")
    shutil.rmtree(set_ / "a")
    (set_ / "a").symlink_to(outside / "a")
    files = [file("password", b"theirs"), file("a/file", b"theirs")]
    assert write(volume, files) == (
        Change("password", "changed"),
        Change("a/file", "added"),
        Change("a", "removed"),
    )
    assert tree(volume) == expected(files)


def test_a_pipe_in_the_current_set_does_not_block(volume: Path) -> None:
    write(volume, [file("password")])
    fifo = volume / current_set(volume) / "password"
    fifo.unlink()
    os.mkfifo(fifo)
    write(volume, [file("password")])
    assert tree(volume) == expected([file("password")])


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("password", "file"),
        ("password", "folder"),
        ("password", "link"),
        ("..data", "file"),
        ("..data", "folder"),
    ],
)
def test_what_is_not_ours_is_never_touched(
    volume: Path, outside: Path, name: str, thing: str
) -> None:
    theirs = volume / name
    if thing == "file":
        theirs.write_text("theirs")
    elif thing == "folder":
        theirs.mkdir()
    else:
        theirs.symlink_to(outside / "password")
    before = everything(volume)
    for attempt in (write, preview):
        with pytest.raises(WriteFailed, match=name):
            attempt(volume, [file("other"), file("password")])
    assert everything(volume) == before


def test_the_rest_of_the_folder_stays(volume: Path) -> None:
    (volume / "notes").write_text("mine")
    (volume / "elsewhere").symlink_to("/nowhere")
    write(volume, [file("a")])
    write(volume, [file("b")])
    assert (volume / "notes").read_text() == "mine"
    assert (volume / "elsewhere").is_symlink()
    assert not (volume / "a").is_symlink()


def test_folders_nested_too_deep_are_an_error(volume: Path) -> None:
    write(volume, [file("a")])
    deep = volume / current_set(volume)
    for _ in range(102):
        deep /= "d"
        deep.mkdir()
    with pytest.raises(WriteFailed, match="too many folders"):
        write(volume, [file("a", b"new")])


# ---- failures --------------------------------------------------------------------


@contextmanager
def limited(which: int, soft: int) -> Iterator[None]:
    before = resource.getrlimit(which)
    resource.setrlimit(which, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(which, before)


OLD = [file("a", b"old"), file("b/c", b"old")]
NEW = [file("a", b"new"), file("d", b"new"), file("e", bytes(100_000))]


def test_a_file_that_does_not_fit_leaves_the_old_set(volume: Path) -> None:
    write(volume, OLD)
    before = {name: what for name, what in everything(volume).items() if "/" not in name}
    with limited(resource.RLIMIT_FSIZE, 4096), pytest.raises(WriteFailed, match="too large"):
        write(volume, NEW)
    after = everything(volume)
    assert tree(volume) == expected(OLD)
    assert {name for name in after if "/" not in name} == before.keys()


def test_no_descriptors_leave_the_old_set(volume: Path) -> None:
    write(volume, OLD)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    failures = 0
    for spare in range(1, 10):
        with limited(resource.RLIMIT_NOFILE, lowest_free + spare):
            try:
                write(volume, [file("x/y/z", b"new")])
                break
            except WriteFailed:
                failures += 1
        assert tree(volume) == expected(OLD)
    assert failures
    assert tree(volume) == expected([file("x/y/z", b"new")])
    assert len(list(volume.iterdir())) == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 64 KiB, as kubelet mounts them."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=20", "tmpfs", str(disk)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False)
    if not mounted or mounted.returncode:
        pytest.skip("may not mount a tmpfs here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    "files",
    [NEW, [file(f"file-{number}") for number in range(30)]],
    ids=["no blocks", "no inodes"],
)
def test_a_full_disk_leaves_the_old_set(small_disk: Path, files: list[MountedFile]) -> None:
    write(small_disk, OLD)
    names = {path.name for path in small_disk.iterdir()}
    with pytest.raises(WriteFailed, match="No space left on device"):
        write(small_disk, files)
    assert tree(small_disk) == expected(OLD)
    assert {path.name for path in small_disk.iterdir()} == names
    write(small_disk, [file("a", bytes(20_000))])
    write(small_disk, [file("a", b"1" * 20_000)])


def as_nobody(volume: Path, mode: int = 0o400, content: str = "value") -> str:
    """What a write by a process without any capability says."""
    done = run(volume, f"{mode:o}", content, main="tests.csi.files.as_nobody:main")
    assert done.code == 0, done.err
    return done.out.strip()


@pytest.fixture
def nobodys_volume() -> Iterator[Path]:
    """A volume that a process without capabilities owns and gets at."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        volume = Path(folder, "volume")
        volume.mkdir()
        if os.geteuid() == 0:
            os.chown(volume, NOBODY, NOBODY)
        yield volume
        for path in (volume, *volume.glob("..2*")):
            path.chmod(0o755)


def test_no_capability_is_needed(nobodys_volume: Path) -> None:
    assert as_nobody(nobodys_volume) == "added"
    assert as_nobody(nobodys_volume) == "unchanged"
    assert as_nobody(nobodys_volume, content="new") == "changed"


def test_what_cannot_be_compared_is_written_again(nobodys_volume: Path) -> None:
    assert as_nobody(nobodys_volume, mode=0o000) == "added"
    assert as_nobody(nobodys_volume, mode=0o000) == "changed"


def test_a_read_only_folder_is_reported(nobodys_volume: Path) -> None:
    as_nobody(nobodys_volume)
    nobodys_volume.chmod(0o555)
    before = everything(nobodys_volume)
    output = as_nobody(nobodys_volume, content="new")
    assert "it holds what it held before: Permission denied" in output
    assert everything(nobodys_volume) == before


def test_an_old_set_that_cannot_be_removed_is_reported(nobodys_volume: Path) -> None:
    as_nobody(nobodys_volume)
    (nobodys_volume / current_set(nobodys_volume)).chmod(0o555)
    output = as_nobody(nobodys_volume, content="new")
    assert "holds the new files, but old ones cannot be removed: Permission denied" in output
    assert (nobodys_volume / "a").read_text() == "new"


def test_a_second_writer_is_refused_while_one_is_at_work(volume: Path) -> None:
    descriptor = os.open(volume, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(WriteFailed, match="another write is under way"):
        write(volume, [file("a")])
    assert preview(volume, [file("a")]), "a dry run keeps no writer out, and waits for none"
    os.close(descriptor)
    write(volume, [file("a")])


def test_errors_hold_no_content(volume: Path) -> None:
    (volume / "a").write_text("")
    with pytest.raises(WriteFailed) as caught:
        write(volume, [file("a", b"canary-in-a-mine")])
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"


class Attacker:
    """Acts just before the system call number `at` of those that look at or change folders."""

    def __init__(self) -> None:
        self._act: Callable[[], None] | None = None
        self._countdown = 0
        sys.addaudithook(self._hear)

    @contextmanager
    def strikes(self, at: int, act: Callable[[], None]) -> Iterator[None]:
        self._countdown, self._act = at, act
        yield
        self._act = None

    @property
    def is_waiting(self) -> bool:
        return self._act is not None

    def _hear(self, event: str, _arguments: object) -> None:
        if self._act is None or event.partition(".")[0] not in ("open", "os", "fcntl"):
            return
        self._countdown -= 1
        if not self._countdown:
            act, self._act = self._act, None
            act()


@pytest.fixture(scope="module")
def attacker() -> Attacker:
    """One for all, since audit hooks stay."""
    return Attacker()


def plant(volume: Path, outside: Path, *, is_deep: bool) -> None:
    """Put links in the place of all folders of the volume, or of those within them."""
    folders = [path for path in volume.iterdir() if path.is_dir() and not path.is_symlink()]
    if is_deep:
        folders = [path for folder in folders for path in folder.iterdir() if path.is_dir()]
    for path in folders:
        path.rename(path.with_name(f"moved-{path.name}"))
        path.symlink_to(outside / "a" if is_deep else outside)


@pytest.mark.parametrize("is_deep", [False, True], ids=["sets", "folders within"])
def test_links_planted_while_we_write_lead_nowhere(
    tmp_path: Path, outside: Path, attacker: Attacker, is_deep: bool
) -> None:
    files = [file("password"), file("a/file"), file("a/other")]
    before = everything(outside)
    for at in range(1, 1000):
        volume = tmp_path / f"volume-{at}"
        volume.mkdir()
        write(volume, [file("password", b"old"), file("a/old"), file("gone")])
        act = partial(plant, volume, outside, is_deep=is_deep)
        with attacker.strikes(at, act):
            with suppress(WriteFailed):
                write(volume, files)
            was_over = attacker.is_waiting
        assert everything(outside) == before, f"attacked before call {at}"
        if was_over:
            break
    assert at > 20


# ---- any sequence of sets, and who reads meanwhile -------------------------------

NAMES = st.sampled_from(["a", "b", "c", "é", " ", ".hidden", "x" * 255])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.tuples(st.sampled_from([0o400, 0o600, 0o644, 0o755]), st.binary(max_size=40))
SETS = st.dictionaries(PATHS, CONTENTS, min_size=1, max_size=6)


def without_clashes(files: Mapping[str, tuple[int, bytes]]) -> list[MountedFile]:
    """The files that are no folder of others."""
    return [
        MountedFile(path, mode, content)
        for path, (mode, content) in files.items()
        if not any(other.startswith(f"{path}/") for other in files)
    ]


@given(st.lists(SETS.map(without_clashes), min_size=1, max_size=3))
def test_after_each_write_the_tree_equals_the_set(sets: list[list[MountedFile]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        volume = Path(folder)
        for files in sets:
            announced = preview(volume, files)
            assert write(volume, files) == announced
            assert tree(volume) == expected(files)
            tops = {one.path.partition("/")[0] for one in files}
            assert len(list(volume.iterdir())) == len(tops) + 2
            assert {change.kind for change in write(volume, files)} == {"unchanged"}


def generation(number: int) -> list[MountedFile]:
    """Every file holds the number of its set."""
    content = str(number).encode()
    return [file(path, content) for path in ("a", "b", "c/d", f"only-{number % 3}")]


def test_readers_see_one_whole_set_at_any_time(volume: Path) -> None:
    write(volume, generation(0))
    done, seen, torn = Event(), set[str](), list[object]()

    def read() -> None:
        while not done.is_set():
            set_ = current_set(volume)
            try:
                contents = [
                    path.read_text() for path in (volume / set_).rglob("*") if path.is_file()
                ]
            except FileNotFoundError:
                continue
            if current_set(volume) != set_:
                continue  # it was removed under our eyes
            seen.update(contents)
            if len(contents) != 4 or len(set(contents)) != 1:
                torn.append(contents)

    readers = [Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, 100):
            write(volume, generation(number))
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert torn == []
    assert len(seen) > 1
