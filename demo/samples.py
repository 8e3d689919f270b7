"""What the emulated AWS holds: a value for every name in deploy/examples, made up.

Names, regions, accounts, version ids and the random ends of ARNs are those of the manifests, which
must work as they stand.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.request import Request, urlopen
from uuid import NAMESPACE_URL, uuid5

from testbed.aws.iam import ACCOUNT

OTHER_ACCOUNT = "444455556666"
PRIMARY, STANDBY, LONDON = "eu-west-1", "eu-central-1", "eu-west-2"
NODE_REGION = STANDBY
"""Where the node stands: the region of classes that name none."""
PINNED = "0bf1a1a8-4d4a-4c1a-9d0e-6f2b8f0c7f11"
"""The version that versions.yaml asks for by its id."""

_TARGETS = {"secretsmanager": "secretsmanager", "ssm": "AmazonSSM"}


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of one or more regions, with all its values, the oldest first."""

    name: str
    values: tuple[str | bytes, ...] = field(repr=False)
    arn_ends: Mapping[str, str]
    """By region: the six characters after the name."""
    account: str = ACCOUNT
    first_version: str = ""

    def version(self, number: int) -> str:
        """The id of a version, counted from 1: the same in every region, as with replicas."""
        if number == 1 and self.first_version:
            return self.first_version
        return str(uuid5(NAMESPACE_URL, f"{self.name}#{number}"))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of one region, with all its values, the oldest first."""

    name: str
    values: tuple[str, ...] = field(repr=False)
    region: str = PRIMARY
    account: str = ACCOUNT
    labels: Mapping[str, int] = field(default_factory=dict)


def _login(password: str) -> str:
    return json.dumps({"username": "shop", "password": password, "host": "db.shop.internal"})


DATABASE = Secret(
    "example/database",
    (_login("spring-4711"), _login("summer-4712"), _login("autumn-4713")),
    {PRIMARY: "DbDbDb", STANDBY: "DbDbDb"},
    first_version=PINNED,
)
SERVICE = Secret(
    "example/service",
    (
        json.dumps(
            {
                "username": "orders",
                "password": "correct horse battery staple",
                "api-key": "key-0123456789",
                "replicas": [{"host": "replica-1.internal", "port": 5432}],
            }
        ),
    ),
    {PRIMARY: "SvSvSv"},
)
KEYSTORE = Secret("example/keystore", (bytes(range(256)) * 4,), {PRIMARY: "KsKsKs"})
SERVER_KEY = Secret(
    "example/server-key",
    ("-----BEGIN SAMPLE KEY-----\nbm90IGEga2V5LCBhIHNhbXBsZQ==\n-----END SAMPLE KEY-----\n",),
    {PRIMARY: "SkSkSk"},
)
API = Secret("example/api", ("token-of-the-api",), {PRIMARY: "AbCdEf", STANDBY: "GhIjKl"})
LICENCE = Secret("shared/licence", ("LIC-2026-0042",), {PRIMARY: "AbCdEf"}, OTHER_ACCOUNT)
MY_APP = Secret("my-app-secret", (_login("tell-no-one"),), {PRIMARY: "MyMyMy", LONDON: "MyMyMy"})
EKS = Secret("eksSecret", ("a secret of the node's region",), {NODE_REGION: "EkEkEk"})
SIGNING = Secret(
    "example/signing",
    (json.dumps({"key": "00ff10ef7f80", "issuer": "shop.example"}),),
    {PRIMARY: "SgSgSg"},
)
JAVA = Secret(
    "example/java",
    (json.dumps({"spring.profiles.active": "production", "server.port": 8443, "note": "no"}),),
    {PRIMARY: "JvJvJv"},
)
LIMITS = Secret(
    "example/limits",
    (json.dumps({"soft": 100, "hard": 250, "why": "left out"}),),
    {PRIMARY: "LmLmLm"},
)
SECRETS = (
    DATABASE,
    SERVICE,
    KEYSTORE,
    SERVER_KEY,
    API,
    LICENCE,
    MY_APP,
    EKS,
    SIGNING,
    JAVA,
    LIMITS,
)
"""Of the names in the examples only example/overrides is missing, which is optional."""

URL = Parameter(
    "/example/web/url",
    tuple(f"https://{name}.shop.example" for name in ("old", "www", "next", "beta")),
    labels={"release": 2},
)
PASSWORD = Parameter("/example/web/password", ("open sesame",))
FLAGS = Parameter("/example/web/flags", ("dark-mode,fast-checkout",))
SETTINGS = Parameter("/example/web/settings", (json.dumps({"listen": {"port": 8443}}),))
STANDBY_URL = Parameter("/example/standby/url", ("https://standby.shop.example",), STANDBY)
ENDPOINT = Parameter("/shared/endpoint", ("https://shared.example",), account=OTHER_ACCOUNT)
TRUSTSTORE = Parameter("/example/truststore", (base64.encodebytes(bytes(range(99))).decode(),))
PARAMETERS = (URL, PASSWORD, FLAGS, SETTINGS, STANDBY_URL, ENDPOINT, TRUSTSTORE)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whoever keeps the secrets: writes straight into moto at `url`, which checks no signature."""

    url: str

    def fill(self) -> None:
        """Make all of it, and let moto load its STS, which takes a second."""
        self._call("sts.GetCallerIdentity", {}, PRIMARY, ACCOUNT)
        for secret in SECRETS:
            for region in secret.arn_ends:
                self._make_secret(secret, region)
        for parameter in PARAMETERS:
            self._make_parameter(parameter)

    def rotate(self, secret: Secret, value: str) -> str:
        """Give a secret a new value in all its regions; answers the version's id."""
        version = str(uuid5(NAMESPACE_URL, f"{secret.name}={value}"))
        for region in secret.arn_ends:
            self._put_value(secret, region, value, version)
        return version

    def _make_secret(self, secret: Secret, region: str) -> None:
        first, *later = secret.values
        body: dict[str, object] = {
            "Name": secret.name,
            "ClientRequestToken": secret.version(1),
            # How moto is told the end of an ARN.
            "Tags": [{"Key": "_custom_id_", "Value": secret.arn_ends[region]}],
            **_as_field(first),
        }
        self._call("secretsmanager.CreateSecret", body, region, secret.account)
        for number, value in enumerate(later, start=2):
            self._put_value(secret, region, value, secret.version(number))

    def _put_value(self, secret: Secret, region: str, value: str | bytes, version: str) -> None:
        body = {"SecretId": secret.name, "ClientRequestToken": version, **_as_field(value)}
        self._call("secretsmanager.PutSecretValue", body, region, secret.account)

    def _make_parameter(self, parameter: Parameter) -> None:
        where = parameter.region, parameter.account
        for value in parameter.values:
            body = {"Name": parameter.name, "Value": value, "Type": "SecureString"}
            self._call("ssm.PutParameter", {**body, "Overwrite": True}, *where)
        for label, number in parameter.labels.items():
            labelled = {"Name": parameter.name, "ParameterVersion": number, "Labels": [label]}
            self._call("ssm.LabelParameterVersion", labelled, *where)

    def _call(self, what: str, body: Mapping[str, object], region: str, account: str) -> None:
        headers = owner_headers(what, region, account)
        content = json.dumps(body)
        if "X-Amz-Target" not in headers:
            content = f"Action={what.partition('.')[2]}&Version=2011-06-15"
        request = Request(self.url, content.encode(), headers)
        with urlopen(request, timeout=20) as answer:
            answer.read()


def owner_headers(what: str, region: str, account: str) -> dict[str, str]:
    """Headers by which moto takes a call such as `ssm.PutParameter` for one of the owner."""
    service, _, operation = what.partition(".")
    scope = f"Credential=OWNER/20260101/{region}/{service}/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}", "X-Moto-Account-Id": account}
    if service not in _TARGETS:
        return {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    return {
        **headers,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"{_TARGETS[service]}.{operation}",
    }


def _as_field(value: str | bytes) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"SecretBinary": base64.b64encode(value).decode()}
    return {"SecretString": value}
