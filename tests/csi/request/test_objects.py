"""Parameters and objects of a class: what they mean, and every mistake with its place."""

# ruff: noqa: E501 - the tables read best with one line for each row

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provider.aws.regions import is_region
from provider.csi.request.model import ClassSpec, SecretObject
from provider.csi.request.parameters import parse_class, region_problems
from provider.csi.request.paths import fault_in
from provider.engine.model import SecretRef
from provider.manifests.problems import InvalidSpec

SM = "objectType: secretsmanager"
SSM = "objectType: ssmparameter"
ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/db-AbCdEf"
SSM_ARN = "arn:aws:ssm:eu-west-1:111122223333:parameter/app/db"


def parse(objects: str, **parameters: str) -> ClassSpec:
    given = {"region": "eu-west-1", "objects": objects} | parameters
    return parse_class(given, default_mode=0o640, default_region=None)


def one(objects: str, **parameters: str) -> SecretObject:
    (only,) = parse(objects, **parameters).objects
    return only


def problems(objects: str, **parameters: str) -> list[str]:
    with pytest.raises(InvalidSpec) as invalid:
        parse(objects, **parameters)
    return [str(problem) for problem in invalid.value.problems]


def test_a_plain_object() -> None:
    ref = SecretRef("secretsmanager", "app/db")
    assert parse(f"- objectName: app/db\n  {SM}").objects == (
        SecretObject(0, ref, None, "app_db", 0o640),
    )


def test_an_object_with_everything() -> None:
    obj = one(
        """
        - objectName: app/db
          objectType: secretsmanager
          objectAlias: /db/all
          objectVersion: v1
          objectVersionLabel: AWSPREVIOUS
          filePermission: "0400"
          jmesPath:
            - {path: user.name, objectAlias: db/user}
            - {path: pass-word, objectAlias: password, filePermission: "0444"}
          failoverObject: {objectName: db2, objectVersion: v1, objectVersionLabel: L}
        """,
        failoverRegion="eu-west-2",
        pathTranslation="False",
    )
    assert obj.ref == SecretRef("secretsmanager", "app/db", "v1", "AWSPREVIOUS")
    assert obj.failover == SecretRef("secretsmanager", "db2", "v1", "L")
    assert (obj.file, obj.mode) == ("db/all", 0o400)
    user, password = obj.extractions
    assert (user.path, user.alias, user.file, user.mode) == ("user.name", "db/user", "db/user", 0o400)  # fmt: skip
    assert (password.path, password.expression.compiled, password.mode) == (
        "pass-word",
        None,
        0o444,
    )


REFS = {
    "ARN": (f"- objectName: {ARN}", SecretRef("secretsmanager", ARN)),
    "ARN with its type": (f"- objectName: {ARN}\n  {SM}", SecretRef("secretsmanager", ARN)),
    "SSM ARN": (f"- objectName: {SSM_ARN}", SecretRef("ssmparameter", SSM_ARN)),
    "SSM name with number": (f"- objectName: /a/b:3\n  {SSM}", SecretRef("ssmparameter", "/a/b", "3")),
    "SSM name with label": (f"- objectName: /a/b:x\n  {SSM}", SecretRef("ssmparameter", "/a/b", None, "x")),
    "SSM ARN with number": (f"- objectName: {SSM_ARN}:3", SecretRef("ssmparameter", SSM_ARN, "3")),
    "SSM ARN with label": (f"- objectName: {SSM_ARN}:x", SecretRef("ssmparameter", SSM_ARN, None, "x")),
    "SSM version": (f"- objectName: a\n  {SSM}\n  objectVersion: 7", SecretRef("ssmparameter", "a", "7")),
    "quoted version": (f"- objectName: a\n  {SSM}\n  objectVersion: '7'", SecretRef("ssmparameter", "a", "7")),
    "name that is an integer": (f"- objectName: 42\n  {SM}", SecretRef("secretsmanager", "42")),
    "empty optional keys": (
        f"- objectName: a\n  {SM}\n  objectAlias: ''\n  objectVersion:\n  jmesPath: []",
        SecretRef("secretsmanager", "a"),
    ),
    "other partition": (
        "- objectName: arn:aws-cn:secretsmanager:eu-west-1:1:secret:x",
        SecretRef("secretsmanager", "arn:aws-cn:secretsmanager:eu-west-1:1:secret:x"),
    ),
}  # fmt: skip


def test_what_a_store_is_asked() -> None:
    for name, (objects, ref) in REFS.items():
        assert one(objects).ref == ref, name


def test_a_selector_in_the_name_stays_in_the_file_name() -> None:
    assert one(f"- objectName: /a/b:3\n  {SSM}").file == "_a_b:3"
    assert one(f"- objectName: {SSM_ARN}:3").file == SSM_ARN.replace("/", "_") + ":3"


def test_one_name_twice_is_fine_under_two_file_names() -> None:
    klass = parse(f"- {{objectName: a, {SM}}}\n- {{objectName: a, {SM}, objectAlias: b}}")
    assert [obj.file for obj in klass.objects] == ["a", "b"]


@pytest.mark.parametrize("wrap", ["{}", "[{}]"], ids=["mapping", "list of one"])
def test_a_failover_object_keeps_the_primarys_file_and_label(wrap: str) -> None:
    other = wrap.replace("{}", "{objectName: arn:aws:secretsmanager:eu-west-2:1:secret:x}")
    text = f"- objectName: {ARN}\n  objectVersionLabel: L\n  failoverObject: {other}"
    obj = one(text, failoverRegion="eu-west-2")
    name = "arn:aws:secretsmanager:eu-west-2:1:secret:x"
    assert obj.failover == SecretRef("secretsmanager", name, None, "L")
    assert obj.file == ARN.replace("/", "_")


def test_without_a_failover_object_the_same_name_is_asked_in_the_other_region() -> None:
    obj = one(f"- objectName: a\n  {SM}", failoverRegion="eu-west-2")
    assert obj.failover == obj.ref


TRUE, FALSE = (
    ("1", "t", "T", "true", "True", "TRUE"),
    ("0", "f", "F", "false", "False", "FALSE", ""),
)
PLAIN = f"- objectName: a\n  {SM}"


def test_use_pod_identity_takes_the_spellings_of_go() -> None:
    for text in TRUE + FALSE:
        expected = "pod-identity" if text in TRUE else "irsa"
        assert parse(PLAIN, usePodIdentity=text).identity_kind == expected, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("IPv4", "ipv4"), ("ipv6", "ipv6"), ("auto", "auto"), ("Auto", "auto"), ("", "auto")],
)
def test_preferred_address_type_ignores_case(text: str, expected: str) -> None:
    assert parse(PLAIN, preferredAddressType=text).address_type == expected


@pytest.mark.parametrize(
    ("translation", "file"),
    [("", "_a_b"), ("-", "-a-b"), ("False", "a/b"), ("fAlSe", "a/b"), ("é", "éaéb")],
)
def test_path_translation(translation: str, file: str) -> None:
    text = f"- objectName: /a/b\n  {SSM}"
    assert one(text, pathTranslation=translation).file == file


def test_the_daemons_region_stands_in_for_the_classs() -> None:
    klass = parse_class({"objects": PLAIN}, default_mode=0o644, default_region="eu-central-1")
    assert klass.region == "eu-central-1"
    klass = parse_class({"objects": PLAIN}, default_mode=0o644, default_region=None)
    assert klass.region is None


def test_unknown_keys_are_warnings_with_a_hint() -> None:
    klass = parse(f"- objectName: a\n  {SM}\n  objectAlais: b\n  zzz: 1", Region="x", foo="")
    assert [str(warning) for warning in klass.warnings] == [
        'parameters: 2 keys are not known and have no effect: "Region", "foo"; did you mean region by Region?',
        'objects[0]: key "objectAlais" is not known and has no effect; did you mean objectAlias?',
        'objects[0]: key "zzz" is not known and has no effect',
    ]
    assert (klass.warnings[1].line, klass.warnings[1].column) == (3, 3)


def test_many_unknown_parameters_are_one_warning() -> None:
    klass = parse(f"- objectName: a\n  {SM}", **{f"zz{index}": "" for index in range(20_000)})
    (warning,) = klass.warnings
    assert str(warning) == (
        "parameters: 20000 keys are not known and have no effect: "
        '"zz0", "zz1", "zz10", "zz100", "zz1000", and 19995 more'
    )


def test_warnings_are_bounded_for_an_entry_and_for_a_class() -> None:
    keys = ", ".join(f"zz{index}: 1" for index in range(100))
    (*first, last) = parse(f"- {{objectName: a, {SM}, {keys}}}").warnings
    assert len(first) == 5
    assert str(last) == "objects[0]: 95 more keys are not known and have no effect"
    many = "".join(f"- {{objectName: a{index}, {SM}, zzz: 1}}\n" for index in range(500))
    assert len(parse(many).warnings) == 50


@pytest.mark.parametrize("key", ["objectNam", f"objectName: a, {SM}t, zzz"])
def test_hints_are_bounded_for_a_class(key: str) -> None:
    with pytest.raises(InvalidSpec) as invalid:
        parse(f"- {{{key}: 1}}\n" * 500)
    assert 20 <= sum(bool(problem.hint) for problem in invalid.value.problems) <= 100


def test_capitals_of_a_key_do_not_matter_but_are_reported() -> None:
    klass = parse(f"- ObjectName: a\n  {SM}\n  objectalias: b\n  JMESPath: []")
    assert klass.objects[0].file == "b"
    assert [str(warning) for warning in klass.warnings] == [
        'objects[0]: key "ObjectName" is read as objectName',
        'objects[0]: key "objectalias" is read as objectAlias',
        'objects[0]: key "JMESPath" is read as jmesPath',
    ]


JMES = f"- objectName: a\n  {SM}\n  jmesPath:\n"

MISTAKES: dict[str, tuple[str, dict[str, str], str]] = {
    "no objects": ("", {}, "objects: is required"),
    "empty list": ("[]", {}, "objects: must be a YAML list of objects, got an empty one"),
    "comment only": ("# x", {}, "objects: must be a YAML list of objects, got nothing"),
    "mapping": ("objectName: a", {}, "objects: must be a YAML list of objects, got a mapping"),
    "word in the list": ("- a", {}, "objects[0]: must be a mapping, got text"),
    "no name": (f"- {SM}", {}, "objects[0].objectName: is required"),
    "empty name": (f"- objectName: ''\n  {SM}", {}, "objects[0].objectName: is required"),
    "no type": ("- objectName: a", {}, "objects[0].objectType: is required unless objectName is an ARN"),
    "ssm": ("- objectName: a\n  objectType: ssm", {}, 'objects[0].objectType: must be secretsmanager, ssmparameter or ssmparameterpath, got "ssm"; did you mean ssmparameter?'),
    "type in capitals": ("- objectName: a\n  objectType: SecretsManager", {}, 'objects[0].objectType: must be secretsmanager, ssmparameter or ssmparameterpath, got "SecretsManager"; did you mean secretsmanager?'),
    "type against ARN": (f"- objectName: {ARN}\n  {SSM}", {}, "objects[0].objectType: is ssmparameter, but objectName is an ARN of secretsmanager"),
    "ARN of S3": ("- objectName: arn:aws:s3:eu-west-1:1:x", {}, 'objects[0].objectName: is an ARN of neither secretsmanager nor ssm, got "arn:aws:s3:eu-west-1:1:x"'),
    "short ARN": ("- objectName: arn:aws:ssm", {}, 'objects[0].objectName: is not an ARN: arn:<partition>:<service>:<region>:<account>:<resource> is expected, got "arn:aws:ssm"'),
    "ARN of another resource": ("- objectName: arn:aws:ssm:eu-west-1:1:document/x", {}, 'objects[0].objectName: is not the ARN of a "parameter/…" resource, got "arn:aws:ssm:eu-west-1:1:document/x"'),
    "ARN of another region": (f"- objectName: {ARN}", {"region": "us-east-1"}, "objects[0].objectName: is an ARN of eu-west-1, but is asked for in us-east-1"),
    "ARN without failover": (f"- objectName: {ARN}", {"failoverRegion": "eu-west-2"}, "objects[0].objectName: is an ARN, but failoverRegion eu-west-2 is asked as well: add a failoverObject"),
    "boolean alias": (f"- objectName: a\n  {SM}\n  objectAlias: yes", {}, "objects[0].objectAlias: must be text, got a boolean: quote it"),
    "list as alias": (f"- objectName: a\n  {SM}\n  objectAlias: [x]", {}, "objects[0].objectAlias: must be text, got a list"),
    "octal version": (f"- objectName: a\n  {SSM}\n  objectVersion: 010", {}, "objects[0].objectVersion: must be text, got an integer: quote it"),
    "unquoted permission": (f"- objectName: a\n  {SM}\n  filePermission: 0644", {}, 'objects[0].filePermission: must be a quoted 4-digit octal number from "0000" to "0777", got an integer; YAML reads an unquoted 0644 as the number 420'),
    "short permission": (f"- objectName: a\n  {SM}\n  filePermission: '644'", {}, 'objects[0].filePermission: must be a quoted 4-digit octal number from "0000" to "0777", got "644"'),
    "decimal permission": (f"- objectName: a\n  {SM}\n  filePermission: '0689'", {}, 'objects[0].filePermission: must be a quoted 4-digit octal number from "0000" to "0777", got "0689"'),
    "set-uid permission": (f"- objectName: a\n  {SM}\n  filePermission: '4755'", {}, 'objects[0].filePermission: must be a quoted 4-digit octal number from "0000" to "0777", got "4755"'),
    "sticky permission of a path": (JMES + "  - {path: x, objectAlias: x, filePermission: '1777'}", {}, 'objects[0].jmesPath[0].filePermission: must be a quoted 4-digit octal number from "0000" to "0777", got "1777"'),
    "SSM version and label": (f"- objectName: a\n  {SSM}\n  objectVersion: 1\n  objectVersionLabel: x", {}, "objects[0].objectVersionLabel: cannot be used with objectVersion: a parameter takes one of them"),
    "selector and version": (f"- objectName: a:1\n  {SSM}\n  objectVersion: 1", {}, 'objects[0].objectVersion: cannot be used with ":1" at the end of objectName'),
    "selector and label": (f"- objectName: a:1\n  {SSM}\n  objectVersionLabel: x", {}, 'objects[0].objectVersionLabel: cannot be used with ":1" at the end of objectName'),
    "two selectors": (f"- objectName: a:1:2\n  {SSM}", {}, 'objects[0].objectName: must end in one :version or :label at most, got "a:1:2"'),
    "empty selector": (f"- objectName: 'a:'\n  {SSM}", {}, 'objects[0].objectName: must end in one :version or :label at most, got "a:"'),
    "jmesPath is no list": (f"- objectName: a\n  {SM}\n  jmesPath: a", {}, "objects[0].jmesPath: must be a list, got text"),
    "no path": (JMES + "  - objectAlias: x", {}, "objects[0].jmesPath[0].path: is required"),
    "no jmesPath alias": (JMES + "  - path: x", {}, "objects[0].jmesPath[0].objectAlias: is required"),
    "unquoted permission of a path": (JMES + "  - {path: x, objectAlias: x, filePermission: 0400}", {}, 'objects[0].jmesPath[0].filePermission: must be a quoted 4-digit octal number from "0000" to "0777", got an integer; YAML reads an unquoted 0644 as the number 420'),
    "bad expression": (JMES + "  - {path: 'foo[', objectAlias: x}", {}, 'objects[0].jmesPath[0].path: is not a JMESPath expression: Incomplete expression, got "foo["'),
    "unknown function": (JMES + "  - {path: 'foo(@)', objectAlias: x}", {}, 'objects[0].jmesPath[0].path: calls the function "foo", which JMESPath does not have, got "foo(@)"'),
    "alias of the object": (JMES + "  - {path: x, objectAlias: a}", {}, 'objects[0].jmesPath[0].objectAlias: "a" is already used by objects[0]'),
    "clash by translation": (f"- {{objectName: a/b, {SM}}}\n- {{objectName: a_b, {SM}}}", {}, 'objects[1].objectName: "a_b" is already used by objects[0]'),
    "file and folder": (f"- {{objectName: a, {SM}}}\n- {{objectName: a/b, {SM}}}", {"pathTranslation": "False"}, 'objects[1].objectName: "a/b" needs the folder "a", which is a file of objects[0]'),
    "parent folder": (f"- {{objectName: a, {SM}, objectAlias: a/../b}}", {"pathTranslation": "False"}, 'objects[0].objectAlias: makes a file name with the element "..", got "a/../b"'),
    "failover object without region": (f"- objectName: a\n  {SM}\n  failoverObject: {{objectName: b}}", {}, "objects[0].failoverObject: needs the parameter failoverRegion"),
    "two failover objects": (f"- objectName: a\n  {SM}\n  failoverObject: [{{objectName: b}}, {{objectName: c}}]", {"failoverRegion": "eu-west-2"}, "objects[0].failoverObject: must be one mapping, got a list"),
    "failover object without name": (f"- objectName: a\n  {SM}\n  failoverObject: {{objectVersion: 1}}", {"failoverRegion": "eu-west-2"}, "objects[0].failoverObject.objectName: is required"),
    "failover version": (f"- objectName: a\n  {SM}\n  objectVersion: v1\n  failoverObject: {{objectName: b, objectVersion: v2}}", {"failoverRegion": "eu-west-2"}, 'objects[0].failoverObject.objectVersion: must equal the primary\'s, "v1"'),
    "failover version alone": (f"- objectName: a\n  {SM}\n  failoverObject: {{objectName: b, objectVersion: v2}}", {"failoverRegion": "eu-west-2"}, "objects[0].failoverObject.objectVersion: must equal the primary's, which has none"),
    "failover ARN of the first region": (f"- objectName: {ARN}\n  failoverObject: {{objectName: '{ARN}'}}", {"failoverRegion": "eu-west-2"}, "objects[0].failoverObject.objectName: is an ARN of eu-west-1, but is asked for in eu-west-2"),
    "failover ARN of no secret": (f"- objectName: {ARN}\n  failoverObject: {{objectName: 'arn:x'}}", {"failoverRegion": "eu-west-2"}, 'objects[0].failoverObject.objectName: is not an ARN: arn:<partition>:<service>:<region>:<account>:<resource> is expected, got "arn:x"'),
    "failover of another type": (f"- objectName: {ARN}\n  failoverObject: {{objectName: 'arn:aws:ssm:eu-west-2:1:parameter/x'}}", {"failoverRegion": "eu-west-2"}, "objects[0].failoverObject.objectName: must be of secretsmanager, as the primary is"),
    "failover secret of a parameter": (f"- objectName: a\n  {SSM}\n  failoverObject: {{objectName: '{ARN}'}}", {"failoverRegion": "eu-west-2"}, "objects[0].failoverObject.objectName: must be of ssmparameter, as the primary is"),
    "long name": (f"- {{objectName: {'x' * 2049}, objectAlias: a, {SM}}}", {}, f'objects[0].objectName: must be 2048 characters at most, got "{"x" * 100}…"'),
    "long version": (f"- {{objectName: a, {SM}, objectVersion: {'x' * 2049}}}", {}, f'objects[0].objectVersion: must be 2048 characters at most, got "{"x" * 100}…"'),
    "long label": (f"- {{objectName: a, {SM}, objectVersionLabel: {'x' * 2049}}}", {}, f'objects[0].objectVersionLabel: must be 2048 characters at most, got "{"x" * 100}…"'),
    "region": (PLAIN, {"region": "eu-west-1.evil.example"}, 'region: must be an AWS region: lowercase letters, digits and single hyphens, such as eu-west-1, got "eu-west-1.evil.example"'),
    "region with newline": (PLAIN, {"region": "eu-west-1\n"}, 'region: must be an AWS region: lowercase letters, digits and single hyphens, such as eu-west-1, got "eu-west-1\\n"'),
    "failover region": (PLAIN, {"failoverRegion": "EU"}, 'failoverRegion: must be an AWS region: lowercase letters, digits and single hyphens, such as eu-west-1, got "EU"'),
    "region with a hyphen at the end": (PLAIN, {"region": "eu-west-1-"}, 'region: must be an AWS region: lowercase letters, digits and single hyphens, such as eu-west-1, got "eu-west-1-"'),
    "long region": (PLAIN, {"region": "a" * 64}, f'region: must be an AWS region: lowercase letters, digits and single hyphens, such as eu-west-1, got "{"a" * 64}"'),
    "failover region that is a hyphen": (PLAIN, {"failoverRegion": "-"}, 'failoverRegion: must be an AWS region: lowercase letters, digits and single hyphens, such as eu-west-1, got "-"'),
    "same regions": (PLAIN, {"failoverRegion": "eu-west-1"}, "failoverRegion: must differ from the first region, eu-west-1"),
    "path translation": (PLAIN, {"pathTranslation": "__"}, 'pathTranslation: must be one character, or "False" to make folders, got "__"'),
    "pod identity": (PLAIN, {"usePodIdentity": "yes"}, 'usePodIdentity: must be true or false, got "yes"'),
    "address type": (PLAIN, {"preferredAddressType": "ipv5"}, 'preferredAddressType: must be ipv4, ipv6 or auto, got "ipv5"'),
    "tag": ("- !!python/name:os.system x", {}, 'objects: tag "tag:yaml.org,2002:python/name:os.system" is not allowed'),
    "key twice": (f"- objectName: a\n  {SM}\n  objectName: b", {}, 'objects[0]: key "objectName" occurs twice'),
}  # fmt: skip


def test_a_mistake_is_reported_with_its_path() -> None:
    for name, (objects, parameters, expected) in MISTAKES.items():
        assert problems(objects, **parameters) == [expected], name


MISSPELLED = {
    "type": (
        "- objectName: a\n  objectTyp: ssmparameter",
        {},
        ["objects[0].objectType: is required unless objectName is an ARN; is it misspelled as objectTyp? (line 1, column 3)"],
    ),
    "required key": (
        JMES + "  - {path: x, objectAlais: x}",
        {},
        ["objects[0].jmesPath[0].objectAlias: is required; is it misspelled as objectAlais? (line 4, column 5)"],
    ),
    "objects": (None, {"object": "[]"}, ["objects: is required; is it misspelled as object?"]),
    "key that another needs": (
        f"- objectName: a\n  {SM}\n  keyPrefix: x\n  jsonKey: [a]\n  zzz: 1",
        {},
        [
            "objects[0].keyPrefix: needs jsonKeys: it is the prefix of their file names (line 3, column 14)",
            'objects[0]: key "jsonKey" is not known and has no effect; did you mean jsonKeys? (line 4, column 3)',
        ],
    ),
    "parameter": (
        PLAIN,
        {"region": "!", "failoverRegoin": "x"},
        [
            'region: must be an AWS region: lowercase letters, digits and single hyphens, such as eu-west-1, got "!"',
            'parameters: key "failoverRegoin" is not known and has no effect; did you mean failoverRegion?',
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("objects", "parameters", "expected"), MISSPELLED.values(), ids=MISSPELLED)
def test_the_error_names_unknown_keys_that_resemble_known_ones(
    objects: str | None, parameters: dict[str, str], expected: list[str]
) -> None:
    given = {} if objects is None else {"objects": objects}
    with pytest.raises(InvalidSpec) as invalid:
        parse_class(given | parameters, default_mode=0o640, default_region="eu-west-1")
    assert str(invalid.value).splitlines() == expected


@pytest.mark.parametrize(
    ("text", "meant"),
    [("secretmanager", "secretsmanager"), ("ssm", "ssmparameter"), ("vault", "")],
)
def test_a_value_that_resembles_a_choice_names_it(text: str, meant: str) -> None:
    (problem,) = problems(f"- objectName: a\n  objectType: {text}")
    assert problem.partition("; did you mean ")[2] == (f"{meant}?" if meant else "")


def test_no_text_of_a_class_adds_a_line_or_controls_a_terminal() -> None:
    odd = "\\n\\e"
    text = f"""
- "object{odd}Name": a
- objectName: "arn:aws:ssm:{odd}:1:parameter/a"
- {{objectName: b, objectType: "secretsmanager{odd}"}}
- {{objectName: d, {SM}, jmesPath: [{{path: "*\\0", objectAlias: x}}]}}
- {{objectName: c, {SM}, failoverObject: {{objectName: "arn:aws:secretsmanager:{odd}:1:secret:a"}}}}
"""
    parameters: dict[str, str] = {"failoverRegion": "eu-west-2", "reg\nion": "", "a\x1buth": ""}
    with pytest.raises(InvalidSpec) as invalid:
        parse(text, **parameters)
    found = [*invalid.value.problems, *invalid.value.warnings]
    assert sum("\\n" in str(one) or "\\u001b" in str(one) for one in found) == 6
    assert [one for one in found if not str(one).isprintable()] == []


def test_every_mistake_is_reported_at_once() -> None:
    text = """
- objectName: a
  objectType: nope
- objectAlias: yes
- objectName: b
  objectType: secretsmanager
  jmesPath:
    - {path: 'x[', objectAlias: /}
    - {path: x}
"""
    found = problems(text, region="!", usePodIdentity="?", pathTranslation="False")
    assert [problem.partition(":")[0] for problem in found] == [
        "region",
        "usePodIdentity",
        "objects[0].objectType",
        "objects[1].objectName",
        "objects[1].objectAlias",
        "objects[2].jmesPath[0].objectAlias",
        "objects[2].jmesPath[0].path",
        "objects[2].jmesPath[1].objectAlias",
    ]


def test_mistakes_know_their_line_and_column() -> None:
    with pytest.raises(InvalidSpec) as invalid:
        parse(f"- objectName: a\n  {SM}\n- objectName: a\n  {SM}\n  filePermission: 0644\n")
    places = [(problem.line, problem.column) for problem in invalid.value.problems]
    assert places == [(5, 19), (3, 15)]
    assert str(invalid.value).splitlines()[1].endswith("(line 3, column 15)")


def test_the_text_of_an_error_stays_short_and_its_problems_complete() -> None:
    with pytest.raises(InvalidSpec) as invalid:
        parse("- x\n" * 500)
    assert len(invalid.value.problems) == 500
    assert str(invalid.value).endswith("… and 480 more")


def test_the_text_of_an_error_fits_into_the_headers_of_grpc() -> None:
    with pytest.raises(InvalidSpec) as invalid:
        parse("\n".join(f"- {{objectName: '{'é' * 5000}{index}', {SM}}}" for index in range(20)))
    assert len(invalid.value.problems) == 20
    assert len(str(invalid.value).encode()) < 3200
    assert str(invalid.value).endswith(" more")


def test_warnings_come_along_with_mistakes() -> None:
    with pytest.raises(InvalidSpec) as invalid:
        parse("- objectNam: a")
    assert "did you mean objectName?" in str(invalid.value.warnings[0])


def test_a_region_found_later_is_held_against_the_class() -> None:
    text = f"- {{objectName: '{ARN}', objectAlias: x, failoverObject: {{objectName: b}}}}"
    parameters = {"objects": text, "failoverRegion": "eu-west-2"}
    klass = parse_class(parameters, default_mode=0o644, default_region=None)
    assert region_problems(klass, "eu-west-1") == []
    assert [str(problem) for problem in region_problems(klass, "eu-west-2")] == [
        "failoverRegion: must differ from the first region, eu-west-2",
        "objects[0].objectName: is an ARN of eu-west-1, but is asked for in eu-west-2",
    ]


@given(st.text("abz019-A._é\n", max_size=70) | st.from_regex("[a-z0-9]+(-[a-z0-9]+)*"))
def test_a_region_of_a_class_is_one_that_the_engine_takes(region: str) -> None:
    try:
        klass = parse(PLAIN, region=region or "x", failoverRegion=region and region + "-2")
    except InvalidSpec:
        assert not (is_region(region) and is_region(region + "-2"))
        return
    assert klass.region is not None
    assert is_region(klass.region)
    assert klass.failover_region is None or is_region(klass.failover_region)


names = st.text(max_size=12) | st.sampled_from([ARN, SSM_ARN, "a", "a/b", "../x", "a:1", "arn:"])
values: Any = names | st.integers() | st.booleans() | st.none() | st.floats() | st.lists(names)
entries = st.fixed_dictionaries(
    {},
    optional={
        "objectName": values,
        "objectType": st.sampled_from(["secretsmanager", "ssmparameter", "ssmparameterpath"])
        | values,
        "objectAlias": values,
        "objectVersion": values,
        "objectVersionLabel": values,
        "filePermission": st.sampled_from(["0400", "9"]) | values,
        "jmesPath": st.lists(
            st.fixed_dictionaries({}, optional={"path": values, "objectAlias": values}) | values
        ),
        "failoverObject": st.fixed_dictionaries({"objectName": values}) | values,
        "optional": values,
        "recursive": values,
        "objectEncoding": st.sampled_from(["hex", "b64"]) | values,
        "jsonKeys": st.just("*") | st.lists(names | values) | values,
        "keyPrefix": values,
        "format": st.sampled_from(["json", "dotenv"]) | values,
        "omitWhole": st.booleans() | values,
        "unknown": values,
    },
)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:jmespath")
@given(
    st.lists(
        st.sampled_from([*"-[]{}:,&*!'\"\n \t|#<é\0", "objectName", "jmesPath", "a", "<<"]),
        max_size=40,
    ).map("".join)
)
def test_any_text_gives_a_class_or_problems(objects: str) -> None:
    try:
        parse(objects)
    except InvalidSpec as invalid:
        text = str(invalid)
    else:
        return
    assert text.encode()
    assert not set(text) & {"\t", "\0"}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:jmespath")
@given(
    st.lists(entries, max_size=4).map(lambda value: yaml.dump(value, Dumper=yaml.SafeDumper)),
    st.sampled_from(["", "eu-west-2", "eu-west-1"]),
    st.sampled_from(["", "False", "-", ".", "/"]),
)
def test_any_objects_give_a_class_or_problems(objects: str, failover: str, separator: str) -> None:
    try:
        klass = parse(objects, failoverRegion=failover, pathTranslation=separator)
    except InvalidSpec as invalid:
        lines = str(invalid).splitlines()
        assert lines
        return
    files = [obj.file for obj in klass.objects if obj.file is not None]
    files += [one.file for obj in klass.objects for one in obj.extractions]
    assert len(set(files)) == len(files)
    assert not [file for file in files if fault_in(file)]
