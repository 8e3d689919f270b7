"""External Secrets Operator's texts of its admission webhooks, byte for byte.

The CRDs say them at `kubectl apply`, the controller in conditions and events.
"""

DELETE_NEEDS_OWNER = (
    "deletionPolicy=Delete must not be used when the controller doesn't own the secret. "
    "Please set creationPolicy=Owner"
)
MERGE_NEEDS_TARGET = (
    "deletionPolicy=Merge must not be used with creationPolicy=None. "
    "There is no Secret to merge with"
)
NO_DATA = "either data or dataFrom should be specified"
ONE_SOURCE = "extract, find, or generatorRef cannot be set at the same time"
NO_SOURCE = "either extract, find, or sourceRef must be set to dataFrom"
EMPTY_SOURCE_REF = "generatorRef or storeRef must be set when using sourceRef in dataFrom"
DUPLICATE_KEY = "duplicate secretKey found: {}"
NO_ACCOUNT_ANNOTATION = (
    'template.type="kubernetes.io/service-account-token" with annotation '
    '"kubernetes.io/service-account.name" is not allowed'
)
NO_TEMPLATED_ANNOTATIONS = (
    'template.type="kubernetes.io/service-account-token" with templateFrom target="Annotations" '
    "is not allowed"
)
NO_BOOTSTRAP = 'template.type="bootstrap.kubernetes.io/token" is not allowed'
TEMPLATE_TARGET = (
    "templateFrom target={} is not allowed when targeting a Secret, "
    'must be one of "Data", "Annotations" or "Labels"'
)

REGION_NOT_FOUND = "region not found: "
FOREIGN_NAMESPACE = (
    "namespace should either be empty or match the namespace of the SecretStore "
    "for a namespaced SecretStore"
)
RECOVERY_WINDOW = "invalid DeleteSecretInput: RecoveryWindowInDays must be between 7 and 30 days"
RECOVERY_AND_FORCE = (
    "invalid DeleteSecretInput: ForceDeleteWithoutRecovery conflicts with RecoveryWindowInDays"
)


def namespace_regex(regex: int, condition: int) -> str:
    """The text for a regular expression of a store's conditions, with `{}` for the fault."""
    return f"failed to compile {regex}th namespace regex in {condition}th condition: {{}}"


def find_regexp(pattern: str) -> str:
    """The text for a regular expression of `find`, with `{}` for the fault."""
    shown = pattern[:100].replace("{", "{{").replace("}", "}}")
    return f"could not compile find.name.regexp [{shown}]: {{}}"
