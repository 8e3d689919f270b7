"""Admission webhooks that External Secrets Operator has left behind.

They refuse every write of their kinds once their Service is gone. The controller explains them in
the log and in the errors of writes. It does not delete them: only an administrator may.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from provider.errors import LookupForbidden, ObjectNotFound, ProviderError
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Document, Kind
from provider.runtime.log import fields, logger

NAMES = ("externalsecret-validate", "secretstore-validate")
CONFIGURATIONS = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    namespaced=False,
)
SERVICES = Kind("", "v1", "Service", "services")


_REMEDY = "Delete it with kubectl delete validatingwebhookconfiguration {}"
_FAILED = re.compile(
    r'failed calling webhook "validate\.(externalsecret|(?:cluster)?secretstore)\.external-secrets'
)


async def report_leftovers(api: ClusterApi) -> list[str]:
    """Log, and return, the configurations whose Service does not exist."""
    found = [name for name in NAMES if await _is_leftover(api, name)]
    for name in found:
        logger.warning(
            "a webhook of External Secrets Operator is left without its Service: it refuses writes "
            f"of External Secrets resources. {_REMEDY.format(name)}",
            extra=fields(name=name),
        )
    return found


def remedy(error: ProviderError) -> str:
    """What to add to the error of a write that a webhook of the operator refused; else empty."""
    failed = _FAILED.search(str(error))
    if failed is None:
        return ""
    name = NAMES[0] if failed[1] == "externalsecret" else NAMES[1]
    return f". This webhook is left over from External Secrets Operator. {_REMEDY.format(name)}"


async def _is_leftover(api: ClusterApi, name: str) -> bool:
    """Whether a configuration points to a Service that is missing; False where it is not known."""
    try:
        configuration = await api.get(CONFIGURATIONS, "", name)
    except ProviderError:
        return False
    for service in _services(configuration):
        try:
            await api.get(SERVICES, service.get("namespace", ""), service.get("name", ""))
        except ObjectNotFound:
            return True
        except (LookupForbidden, ProviderError):
            continue
    return False


def _services(configuration: Document) -> Iterator[Mapping[str, Any]]:
    for webhook in configuration.get("webhooks") or ():
        service = (webhook.get("clientConfig") or {}).get("service")
        if service:
            yield service
