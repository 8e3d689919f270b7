"""`validate` as people and their CI run it: inputs, outputs, exit codes."""

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from provider.tools.sources import Source
from provider.tools.terminal import Paint
from provider.tools.validate.findings import RULES
from provider.tools.validate.formats import as_text
from provider.tools.validate.review import review
from tests.cli.conftest import Result, Run
from tests.tools.validate.conftest import with_objects

ROOT = Path(__file__).parents[3]
SARIF = json.loads((ROOT / "tests/data/sarif-2.1.0.trimmed.schema.json").read_text())

GOOD = with_objects("- objectName: db\n  objectType: secretsmanager")
WARNED = with_objects("- objectName: db\n  objectType: secretsmanager\n  objectAlais: x")
NOTED = with_objects('- objectName: db\n  objectType: secretsmanager\n  filePermission: "0444"')
BAD = with_objects("- objectName: db\n  objectType: secretmanager")


@pytest.fixture
def validate(command: Run, tmp_path: Path) -> Run:
    """Validates a text as a file."""

    def run(text: str, *arguments: str) -> Result:
        path = tmp_path / "class.yaml"
        path.write_text(text, newline="")
        return command("validate", path, *arguments)

    return run


def test_delimiters_are_those_of_the_controller(validate: Run) -> None:
    options = "--template-left-delimiter=[[", "--template-right-delimiter=]]"
    text = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db}
spec:
  secretStoreRef: {name: aws}
  data: [{secretKey: user, remoteRef: {key: db}}]
  target: {template: {data: {a: "{{ nonsense }} [[ .user ]]", b: "[[ .usr ]]"}}}
"""
    assert 'function "nonsense" not defined' in validate(text).out
    result = validate(text, *options)
    assert (result.code, "not defined" in result.out) == (0, False)
    assert 'no entry of data has the secretKey "usr"' in result.out


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        (GOOD, [], 0),
        (WARNED, [], 0),
        (WARNED, ["--strict"], 1),
        (NOTED, ["--strict"], 0),
        (BAD, [], 1),
        (BAD, ["-o", "json"], 1),
        ("", [], 0),
        ("", ["--strict"], 1),
    ],
    ids=["good", "warned", "strict", "noted", "bad", "json", "empty", "strictly empty"],
)
def test_the_exit_code_depends_on_the_worst_finding(
    validate: Run, text: str, arguments: list[str], code: int
) -> None:
    assert validate(text, *arguments).code == code


def test_a_finding_shows_its_line_and_a_caret(validate: Run) -> None:
    result = validate(BAD)
    place, line, caret, owner, *_, last = result.out.splitlines()
    assert "class.yaml:11:21: error[object]: objects[0].objectType: must be secrets" in place
    assert place.endswith(', got "secretmanager"')
    assert line == "   11 |         objectType: secretmanager"
    assert line[caret.index("^") :] == "secretmanager"
    assert caret.strip() == "^" + "~" * 12
    assert owner == '  in SecretProviderClass "shop"'
    assert last == "1 class in 1 file: 1 error"


def test_a_suggestion_is_shown_below(validate: Run) -> None:
    assert "\n  hint: did you mean objectAlias?\n" in validate(WARNED).out


def test_a_warning_at_the_place_of_a_mistake_is_left_out(validate: Run) -> None:
    result = validate(NOTED.replace('"0444"', "0444"))
    assert result.out.endswith("1 class in 1 file: 1 error\n")
    assert "world-readable" not in result.out


def test_a_missing_key_does_not_hide_a_misspelled_one(validate: Run) -> None:
    result = validate(with_objects("- objectTyp: secretsmanager\n  objectName: db"))
    mistake, warning = (line for line in result.out.splitlines() if "class.yaml" in line)
    assert "error[object]: objects[0].objectType: is required" in mistake
    assert 'warning[unknown-key]: objects[0]: key "objectTyp" is not known' in warning


def test_no_problems_are_one_line_or_none(validate: Run) -> None:
    assert validate(GOOD).out == "1 class in 1 file: no problems\n"
    assert validate(GOOD, "--quiet").out == ""
    assert validate(NOTED, "-q").out == ""


def test_the_caret_is_below_wide_characters_and_tabs(validate: Run) -> None:
    text = with_objects("- {objectName: 数据,\tobjectType: x}", parameters="")
    line, caret = validate(text).out.splitlines()[1:3]
    assert caret.index("^") == line.index("objectType: x") + len("objectType: ") + len("数据")


def test_long_lines_are_cut_around_the_caret(validate: Run) -> None:
    result = validate(json.dumps(yaml.safe_load(BAD)))
    line, caret = result.out.splitlines()[1:3]
    assert len(line) <= 108
    assert line[caret.index("^") :].startswith("secretmanager")


def test_lines_of_secrets_are_never_shown(validate: Run) -> None:
    secret = "---\nkind: Secret\ndata:\n  a: canary\n b: canary\n"
    result = validate(GOOD + secret)
    assert "not-yaml" in result.out
    assert "canary" not in result.out
    minified = json.dumps(
        {
            "kind": "List",
            "items": [
                yaml.safe_load(BAD),
                {"kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "canary"}},
            ],
        }
    )
    result = validate(minified)
    assert "error[object]" in result.out
    assert "canary" not in result.out


def test_colours_are_only_used_on_terminals() -> None:
    found = review([Source("x", BAD)])
    assert "\x1b[31m" in as_text(found, Paint(is_on=True))
    assert "\x1b" not in as_text(found, Paint(is_on=False))


def test_control_characters_in_names_are_escaped(validate: Run) -> None:
    text = with_objects('- objectName: "a\x7f\\e[2J"\n  objectType: "\\e[2J"')
    assert "\x1b" not in validate(text.replace("\x7f", "")).out


# ---- what is read ------------------------------------------------------------------


def test_folders_are_searched_for_classes(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a" / ".git").mkdir(parents=True)
    (tmp_path / "a" / "one.yaml").write_text(GOOD)
    (tmp_path / "a" / "two.YML").write_text(BAD.replace("shop", "two"))
    (tmp_path / "a" / "three.json").write_text(json.dumps(yaml.safe_load(BAD)))
    (tmp_path / "a" / "values.yaml").write_text("no: {manifest")
    (tmp_path / "a" / "read.md").write_text("SecretProviderClass")
    (tmp_path / "a" / ".git" / "x.yaml").write_text(BAD)
    result = command("validate", tmp_path, tmp_path / "a" / "one.yaml")
    assert result.out.count(": error[") == 2
    assert result.out.splitlines()[-1] == "3 classes in 3 files: 2 errors, 1 warning"


def test_templates_in_folders_are_warnings(command: Run, tmp_path: Path) -> None:
    (tmp_path / "class.yaml").write_text(GOOD.replace("shop", "{{ .Release.Name }}-{{ x }}"))
    result = command("validate", tmp_path)
    assert result.code == 0
    assert "warning[helm-template]: is a Helm template" in result.out
    assert command("validate", tmp_path / "class.yaml").code == 1


def test_stdin_is_read(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.TextIOWrapper(io.BytesIO(f"---\n# Source: chart\n{BAD}".encode()))
    monkeypatch.setattr("sys.stdin", given)
    result = command("validate", "-")
    assert result.code == 1
    assert result.out.startswith("stdin:13:21: error[object]")


def test_nothing_on_stdin_is_a_warning(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, code in (([], 0), (["--strict"], 1)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        result = command("validate", "-", *arguments)
        assert result.code == code
        assert result.out.startswith("stdin:1:1: warning[nothing-to-check]: holds no Secret")


def test_files_that_are_passed_over_are_listed_on_request(command: Run, tmp_path: Path) -> None:
    (tmp_path / "class.yaml").write_text(GOOD)
    (tmp_path / "values.yaml").write_text("# for the SecretProviderClass\nimage: {}\n")
    assert command("validate", tmp_path, "--strict").err == ""
    result = command("validate", tmp_path, "-v")
    assert result.err == f"passed over: {tmp_path}/values.yaml: it holds nothing to check\n"
    assert result.out == "1 class in 1 file: no problems\n"


def test_a_folder_without_anything_to_check_fails_strictly(command: Run, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("image: {}\n")
    for arguments, code in (([], 0), (["--strict"], 1)):
        result = command("validate", tmp_path, *arguments)
        assert (result.code, result.out[:16]) == (code, "nothing to check")


def test_without_a_readable_file_nothing_was_checked(command: Run, tmp_path: Path) -> None:
    result = command("validate", tmp_path / "missing.yaml")
    assert (result.code, result.out) == (2, "nothing was checked: no file could be read\n")


def test_an_unreadable_file_does_not_hide_the_others(command: Run, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(BAD)
    (tmp_path / "latin.yaml").write_bytes(b"# \xe9 SecretProviderClass")
    result = command("validate", tmp_path, tmp_path / "missing.yaml")
    assert result.code == 2
    assert "cannot read" in result.err
    assert "missing.yaml: No such file" in result.err
    assert "latin.yaml: it is not UTF-8" in result.err
    assert "error[object]" in result.out


def test_byte_order_mark_and_windows_line_ends_are_accepted(validate: Run) -> None:
    assert "class.yaml:11:21: error" in validate("\ufeff" + BAD.replace("\n", "\r\n")).out


@pytest.mark.parametrize("arguments", [[], ["x", "--output", "xml"], ["--nonsense", "x"]], ids=str)
def test_a_wrong_command_line_exits_2_with_one_line(command: Run, arguments: list[str]) -> None:
    result = command("validate", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("arguments", [["help", "validate"], ["validate", "--help"]], ids=str)
def test_help_shows_rules_and_exit_codes(command: Run, arguments: list[str]) -> None:
    result = command(*arguments)
    assert result.code == 0
    for rule in RULES:
        assert f"  {rule.name} ({rule.level}) " in result.out
    assert max(map(len, result.out.splitlines())) <= 100


def test_the_examples_have_no_warnings(command: Run) -> None:
    result = command("validate", "--strict", ROOT / "deploy" / "examples")
    assert result.code == 0, result.out


# ---- for programs --------------------------------------------------------------------


def test_json_has_every_detail(validate: Run) -> None:
    document = json.loads(validate(WARNED, "--output", "json").out)
    (finding,) = document.pop("findings")
    assert document == {
        "files": 1,
        "classes": 1,
        "resources": 0,
        "passedOver": 0,
        "count": {"error": 0, "warning": 1, "note": 0},
        "unread": [],
    }
    assert finding.pop("file").endswith("class.yaml")
    assert finding == {
        "line": 12,
        "column": 9,
        "exact": True,
        "level": "warning",
        "rule": "unknown-key",
        "manifest": 'SecretProviderClass "shop"',
        "path": "spec.parameters.objects[0]",
        "message": 'key "objectAlais" is not known and has no effect',
        "suggestion": "did you mean objectAlias",
    }


def test_annotations_of_github_are_escaped(command: Run, tmp_path: Path) -> None:
    path = tmp_path / "a,b:c.yaml"
    path.write_text(with_objects('- objectName: "50%\\n"\n  objectType: secretsmanager'))
    (line,) = command("validate", path, "-o", "github").out.splitlines()
    assert line.startswith("::warning file=")
    assert (
        '/a%2Cb%3Ac.yaml,line=10,col=21,title=SecretProviderClass "shop"::'
        'spec.parameters.objects[0].objectName: "50%25\\n" is not a valid' in line
    )


def sarif(result: Result) -> Any:
    document = json.loads(result.out)
    jsonschema.validate(document, SARIF)
    (run,) = document["runs"]
    return run


def test_sarif_points_into_the_file(command: Run, tmp_path: Path) -> None:
    path = tmp_path / "a b.yaml"
    path.write_text(BAD)
    run = sarif(command("validate", path, "-o", "sarif"))
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "object"
    assert result["level"] == "error"
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    assert physical["region"] == {"startLine": 11, "startColumn": 21}
    assert physical["artifactLocation"]["uri"].endswith("/a%20b.yaml")


def test_sarif_without_results_is_valid(validate: Run) -> None:
    assert sarif(validate(GOOD, "-o", "sarif", "-q"))["results"] == []


# ---- the fitting block -----------------------------------------------------------------


def block_of(result: Result) -> Any:
    assert result.code == 0, result.err
    (block,) = yaml.safe_load(result.out)["secretObjects"]
    return block


OBJECTS = (
    "- objectName: db/login\n  objectType: secretsmanager\n"
    "  jmesPath: [{path: a, objectAlias: a b}, {path: b, objectAlias: a_b}]"
)


def test_a_block_is_made_for_a_class_without_one(validate: Run) -> None:
    assert block_of(validate(with_objects(OBJECTS), "--fix-secret-objects")) == {
        "secretName": "shop",
        "type": "Opaque",
        "data": [
            {"objectName": "db_login", "key": "db_login"},
            {"objectName": "a b", "key": "a_b"},
            {"objectName": "a_b", "key": "a_b-2"},
        ],
    }


def test_an_existing_block_keeps_its_name_and_its_keys(validate: Run) -> None:
    rest = (
        "secretObjects:\n- secretName: login\n  type: example.com/login\n  data:\n"
        "  - {objectName: a_b, key: b}\n  - {objectName: gone, key: c}\n"
        "  - {objectName: a b, key: a b}"
    )
    block = block_of(validate(with_objects(OBJECTS, rest=rest), "--fix-secret-objects"))
    assert (block["secretName"], block["type"]) == ("login", "example.com/login")
    assert block["data"][1:] == [
        {"objectName": "a b", "key": "a_b"},
        {"objectName": "a_b", "key": "b"},
    ]


def test_the_block_has_no_findings(validate: Run) -> None:
    objects = "- {objectName: ..., objectAlias: .env/..x, objectType: secretsmanager}"
    result = validate(with_objects(objects), "--fix-secret-objects")
    rest = "".join(line for line in result.out.splitlines(keepends=True) if line[0] != "#")
    assert block_of(result)["data"] == [{"objectName": ".env_..x", "key": ".env_..x"}]
    again = validate(
        with_objects(
            "- {objectName: ..., objectAlias: .env/..x, objectType: secretsmanager}", rest=rest
        )
    )
    assert again.out == "1 class in 1 file: 1 warning\n" or "synced" not in again.out


def test_no_block_is_made_of_a_class_with_mistakes(validate: Run) -> None:
    result = validate(BAD, "--fix-secret-objects")
    assert (result.code, result.out) == (1, "")
    assert 'correct first what validate reports for SecretProviderClass "shop"' in result.err
