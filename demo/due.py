"""What each mount must bring, said by hand: files to the byte, modes, versions, and AWS calls."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from demo.samples import (
    API,
    DATABASE,
    EKS,
    ENDPOINT,
    FLAGS,
    JAVA,
    KEYSTORE,
    LICENCE,
    LIMITS,
    LONDON,
    MY_APP,
    NODE_REGION,
    PASSWORD,
    PRIMARY,
    SERVER_KEY,
    SERVICE,
    SETTINGS,
    SIGNING,
    STANDBY,
    URL,
    Parameter,
    Secret,
)
from testbed.driver import Mounted

Calls = Counter[str]
"""Calls of one kind, such as `GetSecretValue eu-west-1`, and how many."""
AGENT = "Credentials agent"
"""The kind of calls to the Pod Identity agent."""
ANY = "any"
"""A version that is another in every run."""


@dataclass(frozen=True, slots=True)
class File:
    """One file. A part of a document has no version of its own."""

    content: bytes = field(repr=False)
    version: str | None = None
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Due:
    """What one mount must bring, and what it may cost."""

    files: Mapping[str, File]
    calls: Calls
    fileless: Mapping[str, str] = field(default_factory=dict)
    """Versions of objects that have no file: left out on purpose, or not there."""


def whole(thing: Secret | Parameter, number: int = 0, *, mode: int = 0o644) -> File:
    """All of a value; the current one unless a number says which."""
    number = number or len(thing.values)
    value = thing.values[number - 1]
    content = value if isinstance(value, bytes) else value.encode()
    version = str(number) if isinstance(thing, Parameter) else thing.version(number)
    return File(content, version, mode)


def part(thing: Secret | Parameter, *path: str | int, mode: int = 0o644) -> File:
    """What a path finds in the current document."""
    found = json.loads(thing.values[-1])
    for step in path:
        found = found[step]
    text = found if isinstance(found, str) else json.dumps(found)
    return File(text.encode(), mode=mode)


def calls(
    *,
    sts: str = "",
    agent: int = 0,
    secrets: Mapping[str, int] | None = None,
    parameters: Mapping[str, int] | None = None,
    paths: Mapping[str, int] | None = None,
) -> Calls:
    """Calls by kind: STS in a region, the agent; secrets, batches and paths by region."""
    made: Calls = Counter()
    if sts:
        made[f"AssumeRoleWithWebIdentity {sts}"] = 1
    if agent:
        made[AGENT] = agent
    by_region = {
        "GetSecretValue": secrets,
        "GetParameters": parameters,
        "GetParametersByPath": paths,
    }
    for operation, numbers in by_region.items():
        made.update({f"{operation} {region}": one for region, one in (numbers or {}).items()})
    return made


def irsa(secrets: int = 0, parameters: int = 0, region: str = PRIMARY) -> Calls:
    """A first mount by IRSA, in one region."""
    return calls(
        sts=region,
        secrets={region: secrets} if secrets else None,
        parameters={region: parameters} if parameters else None,
    )


_WEB = {"flags": FLAGS, "password": PASSWORD, "settings": SETTINGS, "url": URL}

EXAMPLES: Mapping[str, Due] = {
    "my-aws-secrets-provider": Due(
        {
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:my-app-secret": whole(MY_APP),
            "dbusername": part(MY_APP, "username"),
            "dbpassword": part(MY_APP, "password"),
        },
        calls(sts=PRIMARY, secrets={PRIMARY: 1, LONDON: 1}),
    ),
    "example-irsa-spc": Due({"eksSecret": whole(EKS)}, irsa(1, region=NODE_REGION)),
    "example-pod-identity-spc": Due(
        {"eksSecret": whole(EKS)}, calls(agent=1, secrets={NODE_REGION: 1})
    ),
    "irsa-example": Due({"example_database": whole(DATABASE)}, irsa(1)),
    "pod-identity-example": Due(
        {"example_database": whole(DATABASE)}, calls(agent=1, secrets={PRIMARY: 1})
    ),
    "auth-pod-identity-example": Due(
        {"example_database": whole(DATABASE)}, calls(agent=1, secrets={PRIMARY: 1})
    ),
    "parameter-store-example": Due(
        {
            "_example_web_url": whole(URL),
            "password": whole(PASSWORD),
            "flags": whole(FLAGS),
        },
        irsa(parameters=1),
    ),
    "json-keys-example": Due(
        {
            "service.json": whole(SERVICE),
            "username": part(SERVICE, "username"),
            "password": part(SERVICE, "password", mode=0o400),
            "api-key": part(SERVICE, "api-key"),
            "replica-host": part(SERVICE, "replicas", 0, "host"),
            "_example_web_settings": whole(SETTINGS),
            "port": part(SETTINGS, "listen", "port"),
        },
        irsa(1, 1),
    ),
    "permissions-example": Due(
        {
            "server.key": whole(SERVER_KEY, mode=0o400),
            "service.json": whole(SERVICE, mode=0o440),
            "username": part(SERVICE, "username", mode=0o444),
        },
        irsa(2),
    ),
    "sub-folders-example": Due(
        {"example/web/url": whole(URL), "tls/server.key": whole(SERVER_KEY)}, irsa(1, 1)
    ),
    "binary-example": Due({"keystore.p12": whole(KEYSTORE, mode=0o444)}, irsa(1)),
    "versions-example": Due(
        {
            "database": whole(DATABASE),
            "database-before": whole(DATABASE, 2),
            "database-pinned": whole(DATABASE, 1),
            "url-3": whole(URL, 3),
            "url-release": whole(URL, 2),
        },
        # One call never names a parameter twice, so its two versions take two.
        irsa(3, 2),
    ),
    "failover-example": Due(
        {"example_database": whole(DATABASE), "api": whole(API), "url": whole(URL)},
        calls(sts=PRIMARY, secrets={PRIMARY: 2, STANDBY: 2}, parameters={PRIMARY: 1, STANDBY: 1}),
    ),
    "other-account-example": Due(
        {"licence": whole(LICENCE), "endpoint": whole(ENDPOINT)}, irsa(1, 1)
    ),
    "assume-role-example": Due(
        {"licence": whole(LICENCE)}, irsa(1) + Counter({f"AssumeRole {PRIMARY}": 1})
    ),
    "role-in-class-example": Due({"example_database": whole(DATABASE)}, irsa(1)),
    # The agent says that there is no association.
    "auto-example": Due({"example_database": whole(DATABASE)}, irsa(1) + Counter({AGENT: 1})),
    "node-region-example": Due({"example_database": whole(DATABASE)}, irsa(1, region=NODE_REGION)),
    "kubernetes-secret-example": Due(
        {
            "service.json": whole(SERVICE),
            "username": part(SERVICE, "username"),
            "password": part(SERVICE, "password"),
        },
        irsa(1),
    ),
    "many-pods-example": Due({"database.json": whole(DATABASE)}, irsa(1)),
    "encoded-example": Due(
        {
            "truststore.p12": File(bytes(range(99)), "1"),
            "signing.json": whole(SIGNING),
            "signing.key": File(bytes.fromhex("00ff10ef7f80")),
            "issuer": part(SIGNING, "issuer"),
        },
        irsa(1, 1),
    ),
    "every-json-key-example": Due(
        {
            "db-username": part(DATABASE, "username"),
            "db-password": part(DATABASE, "password"),
            "db-host": part(DATABASE, "host"),
            "service.json": whole(SERVICE),
            "username": part(SERVICE, "username"),
            "password": part(SERVICE, "password"),
        },
        irsa(2),
        {"objects[0] example/database": DATABASE.version(3)},
    ),
    "env-file-example": Due(
        {
            "service.env": File(
                b"username='orders'\n"
                b"password='correct horse battery staple'\n"
                b"api-key='key-0123456789'\n"
                b'replicas=\'[{"host":"replica-1.internal","port":5432}]\'\n',
                SERVICE.version(1),
            ),
            "application.properties": File(
                b"spring.profiles.active=production\nserver.port=8443\n", JAVA.version(1)
            ),
            "limits.json": File(b'{"soft":100,"hard":250}', LIMITS.version(1)),
        },
        irsa(3),
    ),
    "optional-example": Due(
        {"service.json": whole(SERVICE)}, irsa(2), {"overrides.json": "missing"}
    ),
    "parameter-path-example": Due(
        {
            f"settings/{name}": File(thing.values[-1].encode(), mode=0o444)
            for name, thing in _WEB.items()
        },
        calls(sts=PRIMARY, paths={PRIMARY: 1}),
        # Stands for all that is under the path, and for when it was written.
        {"objects[0] /example/web": ANY},
    ),
}
"""By class."""


def wrong_files(due: Due, mounted: Mounted) -> Iterator[str]:
    """Each difference, in a line that holds no value."""
    for path in sorted(due.files.keys() | mounted.files.keys()):
        if path not in mounted.files:
            yield f"{path}: expected a file, came nothing"
        elif path not in due.files:
            yield f"{path}: expected nothing, came a file"
        else:
            yield from _wrong_file(path, due.files[path], mounted)
    others = {key: told for key, told in mounted.versions.items() if key not in due.files}
    for key in sorted(others.keys() | due.fileless.keys()):
        wanted, came = due.fileless.get(key), others.get(key)
        if came != wanted and not (came and wanted == ANY):
            yield f"{key}: expected version {wanted}, came {came}"


def _wrong_file(path: str, due: File, mounted: Mounted) -> Iterator[str]:
    content, mode = mounted.files[path], mounted.modes[path]
    version = mounted.versions.get(path)
    if content != due.content:
        sizes = f"{len(due.content)} bytes, came {len(content)} bytes"
        yield f"{path}: expected {sizes}" + (
            " of another text" * (len(content) == len(due.content))
        )
    if mode != due.mode:
        yield f"{path}: expected mode {due.mode:04o}, came {mode:04o}"
    if version != due.version:
        yield f"{path}: expected version {due.version}, came {version}"


def wrong_calls(due: Calls, made: Calls) -> Iterator[str]:
    """Each kind of call that was made more or less often than due."""
    for kind in sorted(due.keys() | made.keys()):
        if due[kind] != made[kind]:
            yield f"{kind}: expected {due[kind]} calls, came {made[kind]}"
