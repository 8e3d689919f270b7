"""What concerns several keys: External Secrets Operator's admission rules, with its texts.

Also what this controller does not do: it is refused here by name, never ignored in silence.
"""

from collections import Counter
from collections.abc import Sequence

from provider.aws.regions import region_fault
from provider.controller.resources import texts
from provider.controller.resources.cron import cron_fault
from provider.controller.resources.external_secret import Data, DataFrom, ExternalSecretSpec, Target
from provider.controller.resources.generators import (
    GENERATOR_KINDS,
    GeneratorSpec,
    PasswordSpec,
    UuidSpec,
)
from provider.controller.resources.reading import Reading
from provider.controller.resources.selector_rules import check_selector
from provider.controller.resources.store import RESERVED_TAGS, Auth, AwsProvider, StoreSpec
from provider.controller.resources.store_ref import GENERATORS_VERSION, GeneratorRef
from provider.controller.resources.template import (
    ACCOUNT_ANNOTATION,
    BOOTSTRAP_TYPE,
    TOKEN_TYPE,
    Template,
)
from provider.manifests.problems import quote

MOST_ENTRIES = 1000
"""Entries of `data` and `dataFrom`: the event loop goes through them at each sync."""
MOST_WINDOWS = 50
"""Windows of `syncWindows`: they are evaluated on the event loop."""
MOST_SOURCES = 100
"""Entries of `templateFrom`: each is a request to Kubernetes at each sync."""
MOST_ROLES = 20
"""`additionalRoles` of a store: all of them are a part of the keys of caches."""
_NOT_DONE = "is not supported by this controller"


def check_external_secret(spec: ExternalSecretSpec, reading: Reading, path: str) -> None:
    _check_target(spec.target, reading, f"{path}.target")
    faulty = reading.is_faulty(f"{path}.data") or reading.is_faulty(f"{path}.dataFrom")
    if not spec.data and not spec.data_from and not faulty:
        reading.wrong(path, texts.NO_DATA)
    if len(spec.data) + len(spec.data_from) > MOST_ENTRIES:
        reading.wrong(path, f"data and dataFrom have more than {MOST_ENTRIES} entries")
        return
    for index, entry in enumerate(spec.data_from):
        _check_data_from(entry, reading, f"{path}.dataFrom[{index}]")
    _check_data(spec, reading, path)
    _check_store_refs(spec, reading, path)
    windows = spec.sync_windows.windows if spec.sync_windows else ()
    if len(windows) > MOST_WINDOWS:
        reading.wrong(f"{path}.syncWindows.windows", f"has more than {MOST_WINDOWS} entries")
        return
    for index, window in enumerate(windows):
        if fault := cron_fault(window.schedule):
            at = f"{path}.syncWindows.windows[{index}].schedule"
            reading.ignored(at, f"{fault}: the window is ignored")


def _check_target(target: Target, reading: Reading, path: str) -> None:
    creation, deletion = target.creation_policy, target.deletion_policy
    if deletion == "Delete" and creation in ("Merge", "None", "CreateOrMerge"):
        reading.wrong(f"{path}.deletionPolicy", texts.DELETE_NEEDS_OWNER)
    if deletion == "Merge" and creation == "None":
        reading.wrong(f"{path}.deletionPolicy", texts.MERGE_NEEDS_TARGET)
    manifest = target.manifest
    if manifest and (manifest.api_version, manifest.kind) != ("v1", "Secret"):
        what = f"a target of kind {quote(manifest.kind)} {_NOT_DONE}"
        reading.wrong(f"{path}.manifest", f"{what}: it writes Secrets only")
    if target.template:
        _check_template(target.template, reading, f"{path}.template")


def _check_template(template: Template, reading: Reading, path: str) -> None:
    """Secrets that would give tokens of other identities are never made by a template."""
    if template.type == BOOTSTRAP_TYPE:
        reading.wrong(f"{path}.type", texts.NO_BOOTSTRAP)
    if template.type == TOKEN_TYPE:
        if ACCOUNT_ANNOTATION in template.metadata.annotations:
            reading.wrong(f"{path}.type", texts.NO_ACCOUNT_ANNOTATION)
        elif any(one.target == "Annotations" for one in template.template_from):
            reading.wrong(f"{path}.type", texts.NO_TEMPLATED_ANNOTATIONS)
    if len(template.template_from) > MOST_SOURCES:
        reading.wrong(f"{path}.templateFrom", f"has more than {MOST_SOURCES} entries")
    for index, one in enumerate(template.template_from):
        if (one.config_map or one.secret or one.literal) is None:
            at = f"{path}.templateFrom[{index}]"
            reading.ignored(at, "has none of configMap, secret and literal: it has no effect")


def _check_data(spec: ExternalSecretSpec, reading: Reading, path: str) -> None:
    if spec.target.deletion_policy == "Retain":
        counts = Counter(one.secret_key for one in spec.data)
        for secret_key, count in counts.items():
            if count > 1 and secret_key:
                reading.wrong(f"{path}.data", texts.DUPLICATE_KEY.format(secret_key))
    for index, one in enumerate(spec.data):
        if one.source_ref and one.source_ref.generator_ref:
            at = f"{path}.data[{index}].sourceRef.generatorRef"
            reading.ignored(at, "has no effect in data: use dataFrom")


def _check_data_from(entry: DataFrom, reading: Reading, path: str) -> None:
    source, generator = entry.source_ref, entry.generator_ref
    if sum(one is not None for one in (entry.extract, entry.find, generator)) > 1:
        reading.wrong(path, texts.ONE_SOURCE)
    if not reading.is_faulty(path) and not (entry.extract or entry.find or source):
        reading.wrong(path, texts.NO_SOURCE)
    if source and not reading.is_faulty(path) and not (source.store_ref or generator):
        reading.wrong(f"{path}.sourceRef", texts.EMPTY_SOURCE_REF)
    if source and source.store_ref and generator:
        reading.wrong(f"{path}.sourceRef", "must have one of storeRef and generatorRef, has both")
    if generator:
        _check_generator_ref(generator, reading, f"{path}.sourceRef.generatorRef")
    if entry.find and entry.find.name:
        regexp = entry.find.name.regexp
        reading.regexp(regexp, f"{path}.find.name.regexp", texts.find_regexp(regexp))
    _check_rewrites(entry, reading, path)


def _check_rewrites(entry: DataFrom, reading: Reading, path: str) -> None:
    for index, one in enumerate(entry.rewrite):
        at = f"{path}.rewrite[{index}]"
        count = sum(part is not None for part in (one.regexp, one.transform, one.merge))
        if count != 1 and not reading.is_faulty(at):
            reading.wrong(at, f"must have one of regexp, transform and merge, has {count}")
        if one.regexp:
            reading.regexp(one.regexp.source, f"{at}.regexp.source")
        if one.merge and one.merge.strategy == "JSON" and not one.merge.into:
            reading.wrong(f"{at}.merge.into", "is required with the strategy JSON")


def _check_generator_ref(ref: GeneratorRef, reading: Reading, path: str) -> None:
    if ref.api_version != GENERATORS_VERSION:
        what = f"must be {GENERATORS_VERSION}, got {quote(ref.api_version)}"
        reading.wrong(f"{path}.apiVersion", what)
    check_generator_kind(ref.kind, reading, f"{path}.kind")


def check_generator_kind(kind: str, reading: Reading, path: str) -> None:
    """Whether a kind of generator is one of ours."""
    if kind and kind not in GENERATOR_KINDS:
        reading.wrong(
            path, f"the generator {quote(kind)} {_NOT_DONE}: it has {', '.join(GENERATOR_KINDS)}"
        )


def _check_store_refs(spec: ExternalSecretSpec, reading: Reading, path: str) -> None:
    """Every value needs a store: of its own, or that of the spec."""
    entries: dict[str, Sequence[Data | DataFrom]] = {"data": spec.data, "dataFrom": spec.data_from}
    for key, found in entries.items():
        for index, one in enumerate(found):
            if one.store_ref and not one.store_ref.name:
                at = f"{path}.{key}[{index}].sourceRef.storeRef.name"
                reading.wrong(at, "is required")
    stores = [one.store_ref for one in spec.data]
    stores += [one.store_ref for one in spec.data_from if one.extract or one.find]
    needs_default = None in stores
    faulty = reading.is_faulty(f"{path}.secretStoreRef")
    if needs_default and not spec.secret_store_ref.name and not faulty:
        reading.wrong(f"{path}.secretStoreRef.name", "is required")


def check_provider(given: object, reading: Reading) -> None:
    """Whether a store's provider is AWS, and the only one."""
    if not isinstance(given, dict):
        return
    foreign = sorted(name for name in given if name != "aws")
    for name in foreign[:5]:
        what = f"the provider {quote(name)} {_NOT_DONE}: it reads AWS only"
        reading.wrong("spec.provider", what)
    if not given:
        reading.wrong("spec.provider", "must have exactly one provider: aws")
    elif not foreign and given.get("aws") is None:
        reading.wrong("spec.provider.aws", "is required")


def check_store(spec: StoreSpec, namespace: str | None, reading: Reading) -> None:
    """The rules of a store; `namespace` is that of a SecretStore."""
    if spec.provider.aws:
        _check_aws(spec.provider.aws, namespace, reading)
    for outer, condition in enumerate(spec.conditions):
        at = f"spec.conditions[{outer}]"
        for inner, pattern in enumerate(condition.namespace_regexes):
            text = texts.namespace_regex(inner, outer)
            reading.regexp(pattern, f"{at}.namespaceRegexes[{inner}]", text)
        if condition.namespace_selector:
            check_selector(condition.namespace_selector, reading, f"{at}.namespaceSelector")
    if spec.conditions and namespace is not None:
        reading.ignored("spec.conditions", "has an effect in a ClusterSecretStore only")


def _check_aws(aws: AwsProvider, namespace: str | None, reading: Reading) -> None:
    path = "spec.provider.aws"
    if aws.service == "CertificateManager":
        what = f"CertificateManager {_NOT_DONE}: use SecretsManager or ParameterStore"
        reading.wrong(f"{path}.service", what)
    fault = region_fault(aws.region)
    if fault and not reading.is_faulty(f"{path}.region"):
        text = f"{texts.REGION_NOT_FOUND}{aws.region[:80]}: {fault}"
        reading.wrong(f"{path}.region", text)
    _check_auth(aws.auth, namespace, reading, f"{path}.auth")
    if len(aws.additional_roles) > MOST_ROLES:
        reading.wrong(f"{path}.additionalRoles", f"must be {MOST_ROLES} roles at most")
    for name in RESERVED_TAGS:
        if name in aws.custom_session_tags:
            what = f"{name} is set by the controller and cannot be set here"
            reading.wrong(f"{path}.customSessionTags", what)
    if aws.secrets_manager:
        days = aws.secrets_manager.recovery_window_in_days
        if days and aws.secrets_manager.force_delete_without_recovery:
            reading.wrong(f"{path}.secretsManager", texts.RECOVERY_AND_FORCE)
        elif days and not 7 <= days <= 30:
            reading.wrong(f"{path}.secretsManager.recoveryWindowInDays", texts.RECOVERY_WINDOW)


def _check_auth(auth: Auth, namespace: str | None, reading: Reading, path: str) -> None:
    """A namespaced object never names another namespace; both halves of an access key are named."""
    named: list[tuple[str, str]] = []
    if auth.service_account:
        named.append(("jwt.serviceAccountRef", auth.service_account.namespace))
    if auth.secret_ref:
        refs = {
            "accessKeyIDSecretRef": auth.secret_ref.access_key_id,
            "secretAccessKeySecretRef": auth.secret_ref.secret_access_key,
            "sessionTokenSecretRef": auth.secret_ref.session_token,
        }
        for name, ref in refs.items():
            at = f"{path}.secretRef.{name}"
            if ref is None:
                continue
            named.append((f"secretRef.{name}", ref.namespace))
            for part, value in (("name", ref.name), ("key", ref.key)):
                if not value and not auth.jwt and not reading.is_faulty(f"{at}.{part}"):
                    reading.wrong(f"{at}.{part}", "is required")
    if auth.jwt and not auth.service_account:
        reading.wrong(f"{path}.jwt.serviceAccountRef", "is required")
    for at, other in named:
        if namespace is not None and other and other != namespace:
            reading.wrong(f"{path}.{at}.namespace", texts.FOREIGN_NAMESPACE)


def check_generator(spec: GeneratorSpec, reading: Reading, path: str) -> None:
    if isinstance(spec, UuidSpec):
        return
    if isinstance(spec, PasswordSpec):
        _check_password(spec, reading, path)
        return
    if (fault := region_fault(spec.region)) and not reading.is_faulty(f"{path}.region"):
        reading.wrong(f"{path}.region", fault)


def _check_password(spec: PasswordSpec, reading: Reading, path: str) -> None:
    if not 1 <= spec.length <= 65_536:
        reading.wrong(f"{path}.length", "must be 1 to 65536")
    counts = {"digits": spec.digits or 0, "symbols": spec.symbols or 0}
    for name, count in counts.items():
        if count < 0:
            reading.wrong(f"{path}.{name}", "must be at least 0")
    if sum(counts.values()) > spec.length >= 1:
        reading.wrong(path, "digits and symbols together are more than length")
