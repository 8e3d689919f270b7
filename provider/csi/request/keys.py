"""Every key of a SecretProviderClass, for the parser, docs/classes.md and the JSON schema."""

from functools import partial

from provider.aws.regions import PATTERN, RULE
from provider.manifests.keys import Key

_region = partial(Key, pattern=PATTERN, expected=RULE)
_role = partial(
    Key,
    pattern="arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,576}",
    expected="the ARN of an IAM role such as arn:aws:iam::111122223333:role/name",
)
_boolean = partial(
    Key,
    type="boolean",
    default="`false`",
    pattern="true|True|TRUE|false|False|FALSE",
    expected="true or false",
)
_permission = partial(
    Key,
    "filePermission",
    "Mode of the file",
    "quoted",
    pattern="0[0-7]{3}",
    expected='a quoted 4-digit octal number from "0000" to "0777"',
)

_aws_text = partial(Key, pattern="[\\s\\S]{1,2048}", expected="2048 characters at most")
"""AWS takes no longer names; they are in requests, logs and messages."""

OBJECT_NAME = _aws_text(
    "objectName",
    "Secrets Manager: name, ARN or partial ARN. Parameter Store: name or ARN; "
    "`:version` or `:label` may follow. A path: all parameters below it",
    required=True,
)
OBJECT_VERSION = _aws_text(
    "objectVersion",
    "Version id of the secret, or version number of the parameter",
    default="the version that the label names",
)
OBJECT_VERSION_LABEL = _aws_text(
    "objectVersionLabel",
    "Staging label of the secret, or label of the parameter; a parameter has either this or "
    "`objectVersion`",
    default="`AWSCURRENT`, or the parameter's latest version",
)

OBJECT_ENCODING = Key(
    "objectEncoding",
    "Encoding of the value, which is decoded before it is written; on an object that of the "
    "whole-object file",
    default="written as it is",
    choices=("base64", "hex"),
)

EXTRACTION_KEYS = (
    Key("path", "JMESPath expression, or a top-level key of the JSON", required=True),
    Key("objectAlias", "File name of the value", required=True),
    _permission(default="the object's"),
    OBJECT_ENCODING,
)

FAILOVER_KEYS = (OBJECT_NAME, OBJECT_VERSION, OBJECT_VERSION_LABEL)

OBJECT_KEYS = (
    OBJECT_NAME,
    Key(
        "objectType",
        "Where the object is kept",
        default="what the ARN in `objectName` says",
        choices=("secretsmanager", "ssmparameter", "ssmparameterpath"),
    ),
    Key("objectAlias", "File name", default="`objectName`"),
    _boolean(
        "optional",
        "`true`: an object that is not found is left out; what is denied or broken still fails",
    ),
    OBJECT_VERSION,
    OBJECT_VERSION_LABEL,
    _boolean("recursive", "`true`: of `ssmparameterpath` the levels below as well"),
    _permission(default="the driver's, `0644`"),
    Key("jmesPath", "Values of a JSON secret that become files", "list", keys=EXTRACTION_KEYS),
    OBJECT_ENCODING,
    Key(
        "jsonKeys",
        'Top-level keys of a JSON secret that become files: `"*"`, or a list of names and globs',
        "names",
    ),
    Key("keyPrefix", "Prefix of the file names that `jsonKeys` or a path make"),
    Key(
        "format",
        "The keys of `jsonKeys` in one file, named as the object, instead of a file each",
        choices=("dotenv", "properties", "json"),
    ),
    _boolean(
        "omitWhole",
        "`true`: the whole-object file is not written, only the values of `jsonKeys` and "
        "`jmesPath`",
    ),
    Key(
        "failoverObject",
        "The object in `failoverRegion`; its `objectVersion` must equal the primary's",
        "mapping",
        default="the same name there",
        keys=FAILOVER_KEYS,
    ),
)

PARAMETER_KEYS = (
    Key("objects", "YAML list of what to mount", required=True, keys=OBJECT_KEYS),
    _region(
        "region",
        "AWS region of the objects",
        default="`AWS_REGION` of the daemon, else the region of the node",
    ),
    _region("failoverRegion", "Second region, asked in parallel; must differ from the first"),
    Key(
        "pathTranslation",
        "One character that replaces `/` in file names, or `False`: folders are made",
        default="`_`",
        pattern="[\\s\\S]|[Ff][Aa][Ll][Ss][Ee]",
        expected='one character, or "False" to make folders',
    ),
    Key(
        "usePodIdentity",
        "Credentials by EKS Pod Identity (`true`) or IRSA (`false`)",
        default="`false`",
        pattern="1|t|T|true|True|TRUE|0|f|F|false|False|FALSE",
        expected="true or false",
    ),
    Key(
        "auth",
        "`irsa`, `podIdentity`, or `auto`: EKS Pod Identity if the service account has an "
        "association, else IRSA",
        default="what `usePodIdentity` says",
        choices=("irsa", "podIdentity", "auto"),
    ),
    _role(
        "roleArn",
        "Role for IRSA",
        default="the annotation `eks.amazonaws.com/role-arn` of the service account",
    ),
    _role(
        "assumeRoleArn",
        "Role that is assumed with the pod's own credentials, as in another account",
    ),
    Key(
        "assumeRoleExternalId",
        "External id that the role's trust policy asks for",
        pattern="[A-Za-z0-9_+=,.@:/-]{2,1224}",
        expected="2 to 1224 letters, digits and _+=,.@:/-",
    ),
    Key(
        "assumeRoleDurationSeconds",
        "Lifetime of the session of `assumeRoleArn`",
        default="`3600`",
        pattern="9[0-9]{2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600",
        expected="900 to 3600 seconds: AWS gives a role that a role assumes an hour at most",
    ),
    _boolean(
        "assumeRoleSessionTags",
        "`true`: the session of `assumeRoleArn` carries the tags `kubernetes-namespace` and "
        "`kubernetes-service-account`",
        type="text",
    ),
    Key(
        "preferredAddressType",
        "Address of the EKS Pod Identity agent: `ipv4`, `ipv6` or `auto`",
        default="`auto`: IPv4, then IPv6 when IPv4 gives no credentials",
        pattern="[Ii][Pp][Vv][46]|[Aa][Uu][Tt][Oo]",
        expected="ipv4, ipv6 or auto",
    ),
)
