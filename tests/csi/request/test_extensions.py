"""Keys that AWS's own provider does not have: what they mean, and what does not go together."""

# ruff: noqa: E501 - the tables read best with one line for each row

import pytest

from provider.csi.request.model import (
    ClassSpec,
    Extraction,
    KeyChoice,
    SecretObject,
)
from provider.csi.request.parameters import parse_class
from provider.engine.model import AssumeRole, SecretRef
from provider.manifests.problems import InvalidSpec

SM = "objectType: secretsmanager"


def one(keys: str, **parameters: str) -> SecretObject:
    kind = "" if "objectType" in keys else f"{SM}, "
    given = {"region": "eu-west-1", "objects": f"- {{{kind}{keys}}}"} | parameters
    (only,) = parse_class(given, default_mode=0o640, default_region=None).objects
    return only


def problems(keys: str, **parameters: str) -> list[str]:
    with pytest.raises(InvalidSpec) as invalid:
        one(keys, **parameters)
    return [str(problem).removeprefix("objects[0].") for problem in invalid.value.problems]


def test_without_the_keys_an_object_has_none_of_them() -> None:
    obj = one("objectName: db")
    assert (obj.file, obj.encoding, obj.keys) == ("db", None, None)


def test_the_keys_of_a_secret() -> None:
    keys = one("objectName: db, jsonKeys: [user, 'db_*', user], keyPrefix: p-").keys
    assert keys is not None
    assert keys.patterns == ("user", "db_*")
    assert [bool(glob.match("db_a")) for glob in keys.globs] == [True]
    assert (keys.separator, keys.prefix, keys.format) == ("_", "p-", None)
    folders = one("objectName: db, jsonKeys: '*'", pathTranslation="False").keys
    assert isinstance(folders, KeyChoice)
    assert folders.separator is None


@pytest.mark.parametrize("spelled", ["true", "True", "'true'", "TRUE"])
def test_the_whole_may_be_omitted(spelled: str) -> None:
    assert one(f"objectName: db, jsonKeys: '*', omitWhole: {spelled}").file is None


@pytest.mark.parametrize("spelled", ["false", "'False'", "", "''"])
def test_the_whole_is_there_otherwise(spelled: str) -> None:
    assert one(f"objectName: db, jsonKeys: '*', omitWhole: {spelled}").file == "db"


def test_a_name_that_makes_no_file_needs_no_alias() -> None:
    assert one(f"objectName: {'x' * 300}, jsonKeys: '*', omitWhole: true").file is None


def test_a_file_that_is_omitted_is_free_for_others() -> None:
    obj = one("objectName: db, omitWhole: true, jmesPath: [{path: x, objectAlias: db}]")
    assert [extraction.file for extraction in obj.extractions] == ["db"]


def test_an_optional_object_asks_optional_questions() -> None:
    obj = one("objectName: db, optional: true", failoverRegion="eu-west-2")
    assert obj.ref == SecretRef("secretsmanager", "db", optional=True)
    assert obj.failover == obj.ref
    assert not one("objectName: db, optional: false").ref.optional


def test_a_format_has_the_objects_file_even_where_the_whole_is_omitted() -> None:
    obj = one("objectName: db, objectAlias: .env, jsonKeys: '*', omitWhole: true, format: dotenv")
    assert obj.file == ".env"
    assert obj.keys is not None
    assert obj.keys.format == "dotenv"


def test_encodings_of_the_whole_and_of_each_value() -> None:
    obj = one(
        "objectName: db, objectEncoding: base64, jmesPath: "
        "[{path: x, objectAlias: x, objectEncoding: hex}, {path: y, objectAlias: y}]"
    )
    assert obj.encoding == "base64"
    assert [extraction.encoding for extraction in obj.extractions] == ["hex", None]
    assert isinstance(obj.extractions[0], Extraction)


PATH = "objectType: ssmparameterpath"


def path(keys: str, **parameters: str) -> SecretObject:
    return one(f"{PATH}, {keys}", **parameters)


def test_a_path_makes_files_whose_names_come_from_the_answer() -> None:
    obj = path("objectName: /app/prod/, recursive: true, keyPrefix: p-, filePermission: '0400'")
    assert obj.ref == SecretRef("ssmparameterpath", "/app/prod", recursive=True)
    assert (obj.file, obj.mode) == (None, 0o400)
    assert obj.keys is not None
    assert (obj.keys.prefix, obj.keys.noun, obj.keys.format) == ("p-", "parameter", None)


def test_a_path_may_be_the_root_and_need_not_be_recursive() -> None:
    assert path("objectName: /").ref == SecretRef("ssmparameterpath", "/")


def test_a_path_has_its_like_in_the_failover_region() -> None:
    keys = "objectName: /app, recursive: true, optional: true"
    obj = path(f"{keys}, failoverObject: {{objectName: /copy/}}", failoverRegion="eu-west-2")
    like = SecretRef("ssmparameterpath", "/copy", optional=True, recursive=True)
    assert obj.failover == like


OF_PATHS: dict[str, tuple[str, str]] = {
    "name": ("objectName: app", 'objectName: must be a path of parameters such as /app/prod, got "app"'),
    "ARN": ("objectName: 'arn:aws:ssm:eu-west-1:111122223333:parameter/app'", 'objectName: must be a path of parameters such as /app/prod, got "arn:aws:ssm:eu-west-1:111122223333:parameter/app"'),
    "selector": ("objectName: '/app:3'", 'objectName: must be a path of parameters such as /app/prod, got "/app:3"'),
    "version": ("objectName: /app, objectVersion: 1", "objectVersion: is for one parameter: a path has no version"),
    "label": ("objectName: /app, objectVersionLabel: x", "objectVersionLabel: is for one parameter: a path has no version"),
    "alias": ("objectName: /app, objectAlias: x", "objectAlias: names one file, but a path makes a file of each parameter: see keyPrefix"),
    "jmesPath": ("objectName: /app, jmesPath: [{path: x, objectAlias: y}]", "jmesPath: cannot be applied to a path"),
    "jsonKeys": ("objectName: /app, jsonKeys: '*'", "jsonKeys: cannot be applied to a path: all of its parameters become files"),
    "format": ("objectName: /app, format: json", "format: is for the keys of one secret"),
    "encoding": ("objectName: /app, objectEncoding: hex", "objectEncoding: decodes the whole-object file, but a path has none"),
    "omitted": ("objectName: /app, omitWhole: true", "omitWhole: has no effect: a path has no file of its own"),
    "prefix": ("objectName: /app, keyPrefix: a/", 'keyPrefix: may hold "/" only with pathTranslation "False"'),
    "recursive or not": ("objectName: /app, recursive: 1", 'recursive: must be true or false, got "1"'),
}  # fmt: skip


def test_what_makes_no_sense_of_a_path_is_reported() -> None:
    for name, (keys, expected) in OF_PATHS.items():
        assert problems(f"{PATH}, {keys}") == [expected], name


MISTAKES: dict[str, tuple[str, str]] = {
    "encoding": ("objectEncoding: base32", 'objectEncoding: must be base64 or hex, got "base32"'),
    "encoding of a path": ("jmesPath: [{path: x, objectAlias: x, objectEncoding: B64}]", 'jmesPath[0].objectEncoding: must be base64 or hex, got "B64"'),
    "optional or not": ("optional: perhaps", 'optional: must be true or false, got "perhaps"'),
    "recursive secret": ("recursive: true", "recursive: needs objectType ssmparameterpath"),
    "one name": ("jsonKeys: user", 'jsonKeys: must be "*" or a list of names and globs, got "user"'),
    "mapping of names": ("jsonKeys: {a: b}", 'jsonKeys: must be "*" or a list of names and globs, got a mapping'),
    "name of another type": ("jsonKeys: [yes]", "jsonKeys[0]: must be text, got a boolean: quote it"),
    "list in the list": ("jsonKeys: [a, [b]]", "jsonKeys[1]: must be text, got a list: quote it"),
    "empty name": ("jsonKeys: ['']", "jsonKeys[0]: must be text, got an empty one"),
    "prefix alone": ("keyPrefix: x", "keyPrefix: needs jsonKeys: it is the prefix of their file names"),
    "prefix beside no keys": ("keyPrefix: x, jsonKeys: []", "keyPrefix: needs jsonKeys: it is the prefix of their file names"),
    "prefix with a slash": ("keyPrefix: x/y, jsonKeys: '*'", 'keyPrefix: may hold "/" only with pathTranslation "False"'),
    "prefix with a format": ("keyPrefix: x, jsonKeys: '*', format: json", "keyPrefix: has no effect: format writes all keys to one file"),
    "format alone": ("format: json", "format: needs jsonKeys: it writes those keys to one file"),
    "format": ("format: yaml, jsonKeys: '*'", 'format: must be dotenv, properties or json, got "yaml"'),
    "omitted alone": ("omitWhole: true", "omitWhole: needs jsonKeys or jmesPath: without them no file would be left"),
    "omitted or not": ("omitWhole: maybe, jsonKeys: '*'", 'omitWhole: must be true or false, got "maybe"'),
    "omitted by number": ("omitWhole: 1, jsonKeys: '*'", 'omitWhole: must be true or false, got "1"'),
    "omitted in YAML's other words": ("omitWhole: yes, jsonKeys: '*'", 'omitWhole: must be true or false, got "yes"'),
    "encoding of an omitted whole": ("objectEncoding: hex, omitWhole: true, jsonKeys: '*'", "objectEncoding: decodes the whole-object file, but omitWhole leaves it out"),
    "encoding with a format": ("objectEncoding: hex, format: json, jsonKeys: '*'", "objectEncoding: decodes the whole-object file, but format replaces it"),
}  # fmt: skip


def test_a_mistake_is_reported_with_its_path() -> None:
    for name, (keys, expected) in MISTAKES.items():
        assert problems(f"objectName: db, {keys}") == [expected], name


@pytest.mark.parametrize("prefix", ["../", "/etc/", "a/../b", "a//b", "..x"])
def test_a_prefix_that_no_file_may_begin_with(prefix: str) -> None:
    (problem,) = problems(
        f"objectName: db, jsonKeys: '*', keyPrefix: {prefix}", pathTranslation="False"
    )
    assert problem.startswith("keyPrefix: makes a file name ")


def klass(**parameters: str) -> ClassSpec:
    given = {"region": "eu-west-1", "objects": f"- {{{SM}, objectName: db}}"} | parameters
    return parse_class(given, default_mode=0o640, default_region=None)


ROLE = "arn:aws:iam::111122223333:role/path/web"


def test_without_the_parameters_a_class_is_as_ever() -> None:
    plain = klass()
    assert (plain.identity_kind, plain.role_arn, plain.assume_role) == ("irsa", None, None)


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ({"auth": "irsa"}, "irsa"),
        ({"auth": "podIdentity"}, "pod-identity"),
        ({"auth": "auto"}, "auto"),
        ({"auth": "irsa", "usePodIdentity": "F"}, "irsa"),
        ({"auth": "podIdentity", "usePodIdentity": "1"}, "pod-identity"),
        ({"auth": "", "usePodIdentity": "true"}, "pod-identity"),
        ({"auth": "auto", "usePodIdentity": ""}, "auto"),
    ],
)
def test_the_kind_of_identity(parameters: dict[str, str], kind: str) -> None:
    assert klass(**parameters).identity_kind == kind


def test_a_role_of_the_class() -> None:
    assert klass(roleArn=ROLE).role_arn == ROLE
    assert klass(roleArn=ROLE, auth="auto").role_arn == ROLE


def test_a_role_to_assume() -> None:
    assert klass(assumeRoleArn=ROLE).assume_role == AssumeRole(ROLE)
    everything = klass(
        assumeRoleArn=ROLE,
        assumeRoleExternalId="a/b:1",
        assumeRoleDurationSeconds="900",
        assumeRoleSessionTags="true",
        usePodIdentity="true",
    )
    assert everything.assume_role == AssumeRole(ROLE, "a/b:1", 900)
    assert everything.session_tags
    assert not klass(assumeRoleArn=ROLE).session_tags


A_ROLE = "must be the ARN of an IAM role such as arn:aws:iam::111122223333:role/name"
AN_HOUR = "must be 900 to 3600 seconds: AWS gives a role that a role assumes an hour at most"
OF_CLASSES: dict[str, tuple[dict[str, str], str]] = {
    "auth": ({"auth": "IRSA"}, 'auth: must be irsa, podIdentity or auto, got "IRSA"; did you mean irsa?'),
    "irsa against pod identity": ({"auth": "irsa", "usePodIdentity": "true"}, "auth: is irsa, but usePodIdentity is true"),
    "pod identity against irsa": ({"auth": "podIdentity", "usePodIdentity": "0"}, "auth: is podIdentity, but usePodIdentity is false"),
    "auto against pod identity": ({"auth": "auto", "usePodIdentity": "true"}, "auth: is auto, but usePodIdentity is true"),
    "auto against irsa": ({"auth": "auto", "usePodIdentity": "false"}, "auth: is auto, but usePodIdentity is false"),
    "role": ({"roleArn": "web"}, f'roleArn: {A_ROLE}, got "web"'),
    "role for pod identity": ({"roleArn": ROLE, "auth": "podIdentity"}, "roleArn: is a role for IRSA, but EKS Pod Identity gives the role of its association; see assumeRoleArn"),
    "role to assume": ({"assumeRoleArn": "arn:aws:iam::1:role/x"}, f'assumeRoleArn: {A_ROLE}, got "arn:aws:iam::1:role/x"'),
    "faulty role with an id": ({"assumeRoleArn": "x", "assumeRoleExternalId": "id"}, f'assumeRoleArn: {A_ROLE}, got "x"'),
    "id alone": ({"assumeRoleExternalId": "id"}, "assumeRoleExternalId: needs assumeRoleArn"),
    "duration alone": ({"assumeRoleDurationSeconds": "900"}, "assumeRoleDurationSeconds: needs assumeRoleArn"),
    "tags alone": ({"assumeRoleSessionTags": "true"}, "assumeRoleSessionTags: needs assumeRoleArn"),
    "short id": ({"assumeRoleArn": ROLE, "assumeRoleExternalId": "x"}, 'assumeRoleExternalId: must be 2 to 1224 letters, digits and _+=,.@:/-, got "x"'),
    "short session": ({"assumeRoleArn": ROLE, "assumeRoleDurationSeconds": "899"}, f'assumeRoleDurationSeconds: {AN_HOUR}, got "899"'),
    "long session": ({"assumeRoleArn": ROLE, "assumeRoleDurationSeconds": "3601"}, f'assumeRoleDurationSeconds: {AN_HOUR}, got "3601"'),
    "tags or not": ({"assumeRoleArn": ROLE, "assumeRoleSessionTags": "yes"}, 'assumeRoleSessionTags: must be true or false, got "yes"'),
}  # fmt: skip


def test_a_mistake_in_the_parameters_is_reported() -> None:
    for name, (parameters, expected) in OF_CLASSES.items():
        assert problems("objectName: db", **parameters) == [expected], name
