"""`mount` through a daemon's socket, its command line, and what it says when nobody is there."""

import io
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provider.tools.mount.options import EXIT_CODES
from provider.tools.terminal import Paint
from tests.cli.conftest import Run
from tests.csi.server.process import Process
from tests.tools.conftest import CLASS

Manifest = Callable[..., Path]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Process]:
    """A daemon whose engine does as the object's name says."""
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:
        process = Process(Path(folder))
        try:
            yield process.serving()
        finally:
            process.close()


@pytest.fixture
def token(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text("eyJ-canary\n")
    return f"sts.amazonaws.com={path}"


@pytest.fixture
def mount_by(daemon: Process, manifest: Manifest, output: Path, run: Run) -> Run:
    """Mounts an object by the daemon."""
    return lambda name, *arguments: run(
        "-f", manifest(name), "-o", output, "--socket", daemon.socket, *arguments
    )


def test_a_daemon_is_asked_as_the_driver_asks_it(
    daemon: Process, mount_by: Run, output: Path, token: str
) -> None:
    pod = ("-n", "shop", "--service-account", "web", "--pod", "web-0", "--pod-uid", "uid-1")
    result = mount_by("secret", "--token", token, *pod)
    assert result.code == 0, result.err
    assert (output / "secret").read_bytes() == b"content of secret"
    assert (output / "secret").stat().st_mode & 0o7777 == 0o640
    assert result.out.splitlines()[1].split() == ["+", "secret", "17", "0640", "1"]
    message = daemon.until("delivered")
    assert (message["pod"], message["service_account"], message["class"]) == (
        "shop/web-0",
        "web",
        "shop",
    )


def test_a_parameter_can_be_set(mount_by: Run, output: Path) -> None:
    objects = "- {objectName: other, objectType: secretsmanager}"
    assert mount_by("x", "--set", f"objects={objects}").code == 0
    assert (output / "other").exists()


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        ("AccessDenied", "PERMISSION_DENIED", 1),
        ("SecretNotFound", "NOT_FOUND", 1),
        ("RoleMissing", "FAILED_PRECONDITION", 1),
        ("AwsUnavailable", "INTERNAL", 1),
        ("InvalidRequest", "INVALID_ARGUMENT", 2),
    ],
)
def test_a_refusal_is_shown_as_in_the_pods_events(
    mount_by: Run, output: Path, failure: str, status: str, code: int
) -> None:
    result = mount_by(f"fail-{failure}")
    assert (result.code, result.out) == (code, "")
    first, second = result.err.splitlines()
    assert first == f"secrets-provider-aws mount: mount refused: {status}"
    assert second.startswith("  so it is [id ")
    assert not output.exists()


def test_a_missing_token_is_reported_with_advice(mount_by: Run) -> None:
    result = mount_by("fail-TokenMissing", "-n", "shop", "--service-account", "web")
    assert result.code == 1
    assert "mount refused: UNAUTHENTICATED" in result.err
    assert "hint: kubectl create token web -n shop --audience AUDIENCE > FILE" in result.err


def test_a_socket_without_a_daemon_is_reported(
    manifest: Manifest, output: Path, run: Run, tmp_path: Path
) -> None:
    missing = run("-f", manifest(), "-o", output, "--socket", "/nowhere/aws.sock")
    assert missing.code == 3
    assert "there is no socket at /nowhere/aws.sock" in missing.err
    assert "hint: is the provider's pod running on this node?" in missing.err
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/aws.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
        dead = run("-f", manifest(), "-o", output, "--socket", path)
    assert dead.code == 3
    assert "no process listens at" in dead.err
    too_long = run("-f", manifest(), "-o", output, "--socket", f"/{'x' * 120}/aws.sock")
    assert too_long.code == 3


def test_a_daemon_that_does_not_answer_is_reported(
    manifest: Manifest, output: Path, run: Run
) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as deaf:
        path = f"{folder}/aws.sock"
        deaf.bind(path)
        deaf.listen()
        result = run("-f", manifest(), "-o", output, "--socket", path, "--timeout", "200ms")
    assert result.code == 3
    assert "no answer through" in result.err


def test_the_socket_is_that_of_the_classs_provider(
    manifest: Manifest, output: Path, run: Run
) -> None:
    text = manifest().read_text().replace("provider: aws", "provider: other")
    result = run("-f", manifest(text=text), "-o", output)
    assert result.code == 3
    assert "/other.sock" in result.err


# ---- the command line ------------------------------------------------------------

TWO = CLASS.format(name="one", object="x") + "---\n" + CLASS.format(name="two", object="y")


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (TWO, [], 'holds several classes, "one", "two": choose one with --class'),
        (TWO, ["--class", "three"], 'must hold one class "three", holds "one", "two"'),
        ("kind: Pod\napiVersion: v1\n", [], "holds no SecretProviderClass"),
        ("a: [", [], "manifest: "),
        ("\xff".encode("latin-1"), [], "it is not UTF-8"),
    ],
    ids=["several", "another", "none", "no YAML", "no text"],
)
def test_the_class_must_be_there(
    tmp_path: Path, run: Run, text: str | bytes, arguments: list[str], message: str
) -> None:
    path = tmp_path / "class.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = run("-f", path, "-o", tmp_path / "out", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_one_of_several_classes_can_be_chosen_and_read_from_stdin(
    daemon: Process, output: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((TWO).encode())))
    result = run("-f", "-", "--class", "two", "-o", output, "--socket", daemon.socket)
    assert result.code == 0
    assert (output / "y").exists()


def test_mistakes_of_other_classes_do_not_matter(daemon: Process, output: Path, run: Run) -> None:
    path = output.parent.parent / "class.yaml"
    path.write_text(TWO.replace("  provider: aws\n", "", 1))
    chosen = run("-f", path, "--class", "two", "-o", output, "--socket", daemon.socket)
    assert (chosen.code, chosen.err) == (0, "")
    faulty = run("-f", path, "--class", "one", "-o", output, "--socket", daemon.socket)
    assert faulty.code == 2
    assert 'SecretProviderClass "one": spec.provider: is required' in faulty.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-f", "x"],
        ["-f", "x", "-o", "y", "stray"],
        ["-f", "x", "-o", "y", "--timeout", "soon"],
        ["-f", "x", "-o", "y", "--set", "region"],
        ["-f", "x", "-o", "y", "--local", "--token", "a=b"],
        ["-f", "x", "-o", "y", "--local", "--socket", "a"],
        ["-f", "x", "-o", "y", "--profile", "a"],
        ["-f", "-", "-o", "y", "--token", "a=-"],
        ["-f", "/nowhere", "-o", "y"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_exits_2_with_one_line(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("secrets-provider-aws mount: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("given", ["{}", "sts.amazonaws.com={}"])
def test_a_token_instead_of_a_file_is_not_shown(
    manifest: Manifest, output: Path, run: Run, given: str
) -> None:
    canary = "eyJhbGciOiJSUzI1NiJ9.canary.signature" * 20
    result = run("-f", manifest(), "-o", output, "--token", given.format(canary))
    assert result.code == 2
    assert "canary" not in result.out + result.err


def test_an_empty_token_file_is_reported(
    manifest: Manifest, output: Path, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "token").touch()
    result = run("-f", manifest(), "-o", output, "--token", f"sts.amazonaws.com={tmp_path}/token")
    assert result.code == 2
    assert "cannot read the token file for sts.amazonaws.com" in result.err


def test_help_shows_exit_codes_and_how_to_get_a_token(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    out = result.out
    assert "kubectl create token" in out
    for code, meaning in EXIT_CODES.items():
        assert f"  {code}  {meaning}" in out
    assert max(map(len, out.splitlines())) <= 100


# ---- colours ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "is_on"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
    ids=str,
)
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_on: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ours, theirs = os.openpty()
    with os.fdopen(ours), os.fdopen(theirs, "w") as terminal:
        assert Paint.for_stream(terminal).is_on is is_on
    assert not Paint.for_stream(io.StringIO()).is_on


def test_control_characters_in_names_are_escaped(mount_by: Run) -> None:
    result = mount_by(
        "x", "--set", 'objects=- {objectName: "a\\e[2Jb", objectType: secretsmanager}'
    )
    assert "2Jb" in result.out + result.err
    assert "\x1b" not in result.out + result.err
