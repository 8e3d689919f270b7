"""`mount --local` against the fake AWS: own credentials, real files."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.aws import FakeAws, allow
from testbed.faults import failing, hang
from tests.cli.conftest import Run
from tests.tools.conftest import CLASS

REGION = "eu-west-1"
VALUE = "canary-value"
OBJECTS = """\
      - objectName: db/login
        objectType: secretsmanager
        filePermission: "0400"
        jmesPath:
          - path: user
            objectAlias: user
      - objectName: /db/host
        objectType: ssmparameter
"""


@pytest.fixture
def profile(aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """A profile `dev` of an assumed role, and no other credentials."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    session = aws.cloud.open_session(aws.cloud.put_role("developer"), "anna")
    credentials = tmp_path / "credentials"
    credentials.write_text(
        f"[dev]\naws_access_key_id = {session.access_key_id}\n"
        f"aws_secret_access_key = {session.secret_access_key}\n"
        f"aws_session_token = {session.token}\nregion = {REGION}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    aws.cloud.put_secret("db/password", VALUE, region=REGION)
    aws.cloud.put_secret("db/login", json.dumps({"user": "anna"}), region=REGION)
    aws.cloud.put_parameter("/db/host", "db.internal", region=REGION)
    return aws


Manifest = Callable[..., Path]


def test_files_are_written_and_values_never_shown(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    secret = profile.cloud.secret("db/password", region=REGION)
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev")
    assert result.code == 0
    assert (output / "db_password").read_text() == VALUE
    assert output.stat().st_mode & 0o7777 == 0o700
    assert VALUE not in result.out + result.err
    title, line, _, summary = result.out.splitlines()
    assert title.split() == ["FILE", "BYTES", "MODE", "VERSION"]
    assert line.split() == ["+", "db_password", str(len(VALUE)), "0644", current(secret)]
    assert summary.startswith(f"Written to {output}: 1 added (")
    assert "\x1b" not in result.out + result.err


def current(secret: object) -> str:
    """Id of the version that is current."""
    versions = secret.versions  # type: ignore[attr-defined]
    return str(next(id_ for id_, one in versions.items() if "AWSCURRENT" in one.stages))


def test_a_profile_with_a_role_asks_in_the_region_of_the_class(
    profile: FakeAws,
    manifest: Manifest,
    output: Path,
    run: Run,
) -> None:
    credentials = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    credentials.write_text(credentials.read_text().replace(f"region = {REGION}\n", ""))
    role = profile.cloud.put_role("reader")
    developer = profile.cloud.roles["arn:aws:iam::111122223333:role/developer"]
    developer.allow = [("sts:AssumeRole", role.arn)]
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(
        f"[profile reader]\nrole_arn = {role.arn}\nsource_profile = dev\n"
    )
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "reader")
    assert result.code == 0, result.err
    assert ":assumed-role/reader/" in result.err
    assert {one.region for one in profile.journal.calls if one.operation == "AssumeRole"} == {
        REGION
    }


def test_stderr_shows_the_identity_of_the_caller(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev")
    assert "arn:aws:sts::111122223333:assumed-role/developer/anna" in result.err


def test_only_a_rotation_is_shown_as_a_change(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    arguments = ("-f", manifest(), "-o", output, "--local", "--profile", "dev")
    run(*arguments)
    again = run(*arguments)
    assert again.code == 0
    assert f"{output} is up to date: 1 unchanged" in again.out
    profile.cloud.put_secret("db/password", "new", region=REGION)
    dry = run(*arguments, "--dry-run")
    assert "~ db_password" in dry.out
    assert f"Nothing written to {output}. It would be: 1 changed" in dry.out
    assert (output / "db_password").read_text() == VALUE
    assert "~ db_password" in run(*arguments).out
    assert (output / "db_password").read_text() == "new"


def test_a_dry_run_does_not_create_the_folder(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev", "--dry-run")
    assert result.code == 0
    assert "+ db_password" in result.out
    assert not output.parent.exists()


def test_json_is_for_programs(profile: FakeAws, manifest: Manifest, output: Path, run: Run) -> None:
    arguments = ["-o", output, "--local", "--profile", "dev", "--output-format", "json"]
    run("-f", manifest(), *arguments)
    text = CLASS.format(name="shop", object="x").partition("      - ")[0] + OBJECTS
    result = run("-f", manifest(text=text), *arguments)
    assert result.code == 0
    document = json.loads(result.out)
    version = current(profile.cloud.secret("db/login", region=REGION))
    size = len(json.dumps({"user": "anna"}))
    assert document["files"] == [
        {"path": "db_login", "change": "added", "bytes": size, "mode": "0400", "version": version},
        {"path": "user", "change": "added", "bytes": 4, "mode": "0400", "version": version},
        {"path": "_db_host", "change": "added", "bytes": 11, "mode": "0644", "version": "1"},
        {"path": "db_password", "change": "removed"},
    ]
    assert (document["class"], document["dryRun"]) == ("shop", False)


def test_the_region_comes_from_the_profile_where_the_class_names_none(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    text = manifest().read_text().replace("    region: eu-west-1\n", "")
    arguments = ["-f", manifest(text=text), "-o", output, "--local"]
    assert run(*arguments, "--profile", "dev").code == 0
    other = run(*arguments, "--profile", "dev", "--set", "region=eu-west-2")
    assert other.code == 1
    assert "eu-west-2" in other.err


def test_without_any_region_the_mount_is_refused(
    profile: FakeAws,
    manifest: Manifest,
    output: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = manifest().read_text().replace("    region: eu-west-1\n", "")
    result = run("-f", manifest(text=text), "-o", output, "--local")
    assert result.code == 1
    assert "FAILED_PRECONDITION" in result.err
    assert "--set region=" in result.err


def test_a_denied_call_names_the_caller(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    for role in profile.cloud.roles.values():
        role.allow[:] = allow("*", "ssm:GetParameters")
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev")
    assert result.code == 1
    assert "mount refused: PERMISSION_DENIED" in result.err
    assert "assumed-role/developer/anna" in result.err
    assert "hint: these were your own permissions" in result.err
    assert not output.exists()


def test_where_sts_is_not_reached_the_access_key_names_the_caller(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    profile.faults.inject(failing(500), operation="GetCallerIdentity")
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev")
    assert result.code == 0
    assert "credentials: your own, access key ASIA" in result.err
    assert (output / "db_password").read_text() == VALUE


@pytest.mark.parametrize("arguments", [["--profile", "nobody"], []], ids=["unknown", "none"])
def test_missing_credentials_are_reported(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run, arguments: list[str]
) -> None:
    result = run("-f", manifest(), "-o", output, "--local", *arguments)
    assert result.code == 1
    assert "mount refused: UNAUTHENTICATED" in result.err
    assert "hint: log in" in result.err


def test_all_mistakes_of_the_class_are_reported_before_any_call(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    text = manifest().read_text().replace("secretsmanager", "secretmanager")
    result = run(
        "-f", manifest(text=text), "-o", output, "--local", "--set", "usePodIdentity=maybe"
    )
    assert result.code == 2
    assert "objects[0].objectType" in result.err
    assert "usePodIdentity" in result.err
    assert profile.journal.calls == []


def test_an_invalid_environment_is_reported(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere")
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev")
    assert result.code == 2
    assert "environment: AWS_CA_BUNDLE" in result.err


def test_a_file_in_the_way_is_reported_and_kept(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    output.mkdir(parents=True)
    (output / "db_password").write_text("mine")
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev")
    assert result.code == 4
    assert "something else has this name already" in result.err
    assert (output / "db_password").read_text() == "mine"


def test_a_folder_that_cannot_be_created_is_reported(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    output.parent.write_text("a file")
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev")
    assert result.code == 4
    assert "cannot make the folder" in result.err


def test_the_role_of_the_class_is_assumed_with_own_credentials(
    profile: FakeAws, manifest: Manifest, output: Path, run: Run
) -> None:
    other = profile.cloud.put_role("other")
    profile.cloud.roles["arn:aws:iam::111122223333:role/developer"].allow = [
        ("sts:AssumeRole", other.arn)
    ]
    more = ("--set", f"assumeRoleArn={other.arn}")
    result = run("-f", manifest(), "-o", output, "--local", "--profile", "dev", *more)
    assert result.code == 0, result.err
    assert (output / "db_password").read_text() == VALUE
    [reader] = {call.identity for call in profile.journal.calls if call.service != "sts"}
    assert "assumed-role/other/" in reader


@pytest.mark.parametrize(
    ("service", "patience", "message"),
    [
        ("secretsmanager", "2s", 'objects[0] "db/password"'),  # the credentials take some time
        ("sts", "500ms", "not finished within 0.5 s"),
    ],
)
def test_a_service_that_hangs_is_reported_when_the_time_is_over(
    profile: FakeAws,
    manifest: Manifest,
    output: Path,
    run: Run,
    *,
    service: str,
    patience: str,
    message: str,
) -> None:
    profile.faults.inject(hang(), service=service)
    arguments = ("--local", "--profile", "dev", "--timeout", patience)
    result = run("-f", manifest(), "-o", output, *arguments)
    assert result.code == 1
    assert "mount refused: INTERNAL" in result.err
    assert message in result.err
    assert "driver" not in result.err, "there is none here"
