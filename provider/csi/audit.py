"""The audit log: which pod got which secrets, as which role, and when. Never a value.

A line is one JSON object on stdout; the log of the process is on stderr. There is one for each
delivery of a volume and of new versions, not for remounts that change nothing. After a restart of
the daemon the next remount of each volume makes a line.
"""

from provider.csi.mount import DeliveredObject, Delivery
from provider.csi.request.model import MountSpec
from provider.runtime import audit


def delivered(spec: MountSpec, delivery: Delivery) -> None:
    pod, identity = spec.pod, delivery.identity
    audit.write(
        "SecretsDelivered",
        namespace=pod.namespace,
        pod=pod.name,
        podUid=pod.uid,
        serviceAccount=pod.service_account,
        **{"class": spec.class_name},
        authentication=identity.kind,
        roles=identity.roles,
        secrets=[_secret(one) for one in delivery.objects if one.found],
    )


def _secret(one: DeliveredObject) -> dict[str, str]:
    ref = one.object.ref
    return {
        "type": ref.store,
        "name": ref.name,
        "arn": one.arn,
        "version": one.version,
        "region": one.region,
    }
