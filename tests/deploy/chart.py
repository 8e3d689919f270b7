"""The chart, rendered over a matrix of values in which each occurs."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from provider.csi.config import Config
from testbed.cluster import read_yaml
from tests.deploy import manifests, policy
from tests.serve_options import parse

CHART = manifests.DEPLOY / "chart" / "secrets-provider-aws"
VALUES: dict[str, Any] = read_yaml(CHART / "values.yaml")[0]
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
PROVIDERS = "/var/run/secrets-store-csi-providers"

RULES: dict[str, dict[str, Any]] = VALUES["alerts"]["rules"]
MONITOR: dict[str, Any] = {
    "enabled": True,
    "interval": "15s",
    "scrapeTimeout": "10s",
    "labels": {"release": "prometheus"},
    "relabelings": [{"targetLabel": "cluster", "replacement": "blue"}],
    "metricRelabelings": [{"action": "labeldrop", "regex": "python_version"}],
}
MATRIX: dict[str, dict[str, Any]] = {
    "default": {},
    # All values of the chart of AWS's own provider, with its defaults where it has any.
    "reference": {
        "image": {
            "repository": "registry.example/secrets-provider-aws",
            "tag": "1.2.3",
            "pullPolicy": "IfNotPresent",
        },
        "awsRegion": "",
        "nameOverride": "",
        "fullnameOverride": "",
        "commonLabels": {},
        "providerVolume": PROVIDERS,
        "kubeletPath": "/var/lib/kubelet",
        "driverWritesSecrets": False,
        "k8sThrottlingParams": {"qps": "20", "burst": "40"},
        "podIdentityHttpTimeout": "100ms",
        "eksAddonVersion": "v3.1.1-eksbuild.1",
        "podLabels": {},
        "podAnnotations": {},
        "affinity": {},
        "resources": {
            "requests": {"cpu": "50m", "memory": "100Mi"},
            "limits": {"cpu": "50m", "memory": "100Mi"},
        },
        "priorityClassName": "",
        "nodeSelector": {},
        "tolerations": [],
        "port": 8989,
        "updateStrategy": {"type": "RollingUpdate"},
        "imagePullSecrets": [],
        "rbac": {"install": True, "pspEnabled": False},
        "securityContext": {"privileged": False, "allowPrivilegeEscalation": False},
        "dnsConfig": {},
        "dnsPolicy": "ClusterFirst",
        "useFipsEndpoint": False,
        "secrets-store-csi-driver": {"install": False},
    },
    "aws": {
        "awsRegion": "eu-west-1",
        "useFipsEndpoint": True,
        "useDualstackEndpoint": True,
        "podIdentityHttpTimeout": "1s",
        "eksAddonVersion": "v1",
        "proxy": {"https": "http://proxy:3128", "http": "http://proxy:80", "noProxy": ".internal"},
        "caBundle": {"configMap": "company-ca", "key": "bundle.pem"},
    },
    "provider writes": {
        "driverWritesSecrets": False,
        "kubeletPath": "/data/kubelet",
        "providerVolume": "/etc/kubernetes/secrets-store-csi-providers",
    },
    "tuned": {
        "rotationPollInterval": "5m",
        "cacheMaxBytes": 33554432,
        "logLevel": "debug",
        "logFormat": "json",
        "k8sThrottlingParams": {"qps": 1000000, "burst": 2000000},
        "extraArgs": ["--mount-workers=64"],
        "extraEnv": [{"name": "AWS_ENDPOINT_URL_STS", "value": "https://sts.example"}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    },
    "placed": {
        "podLabels": {"team": "platform", "app.kubernetes.io/name": "not-to-be-had"},
        "podAnnotations": {"note": "here"},
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "512Mi"}},
        "priorityClassName": "system-node-critical",
        "nodeSelector": {"pool": "workers"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"podAffinity": {}},
        "updateStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1},
        },
        "terminationGracePeriodSeconds": 60,
        "dnsPolicy": "Default",
        "startupProbe": {"periodSeconds": 5, "timeoutSeconds": 20, "failureThreshold": 60},
        "livenessProbe": {
            "periodSeconds": 60,
            "timeoutSeconds": 30,
            "failureThreshold": 5,
            "terminationGracePeriodSeconds": 10,
        },
        "readinessProbe": {"periodSeconds": 10, "timeoutSeconds": 9, "failureThreshold": 4},
        "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
        "imagePullSecrets": [{"name": "pull"}],
    },
    "named": {
        "nameOverride": "spa",
        "fullnameOverride": "aws-secrets",
        "commonLabels": {"owner": "platform"},
        "rbac": {"serviceAccountName": "aws-secrets-account"},
        "image": {
            "repository": "registry.example/spa",
            "tag": "loses",
            "digest": f"sha256:{'ab' * 32}",
            "pullPolicy": "Always",
        },
    },
    "own account": {"rbac": {"install": False, "pspEnabled": True, "serviceAccountName": "mine"}},
    "own confinement": {
        "securityContext": {"runAsUser": 0},
        "podSecurityContext": {"supplementalGroups": [1000]},
        "secrets-store-csi-driver": {"install": False, "tokenRequests": []},
    },
    "limited": {
        "policy": {
            "allowedRegions": ["eu-*", "us-east-1"],
            "allowedAccounts": ["111122223333"],
            "allowedRoleArns": ["arn:aws:iam::111122223333:role/*"],
            "rules": [
                {
                    "name": "shop",
                    "namespaces": ["team-shop"],
                    "regions": ["eu-west-1"],
                    "accounts": ["012345678901"],
                    "roleArns": ["*:role/shop"],
                    "secretNames": ["shop/*"],
                }
            ],
        },
        "auditLog": True,
        "metricsNamespaces": ["team-*", "shop"],
    },
    "policy of one's own": {"policy": {"configMap": "limits"}},
    "host network": {"hostNetwork": True},
    "on delete": {"updateStrategy": {"type": "OnDelete"}},
    # Helm's way to take a default away.
    "without": dict.fromkeys(
        (
            *("updateStrategy", "affinity", "tolerations", "nodeSelector", "dnsConfig"),
            *("podLabels", "podAnnotations", "commonLabels", "k8sThrottlingParams"),
            *("resources", "securityContext", "podSecurityContext", "imagePullSecrets"),
            *("proxy", "caBundle", "policy", "networkPolicy", "podMonitor", "serviceMonitor"),
            *("alerts", "dashboard", "secrets-store-csi-driver", "extraArgs", "extraEnv"),
            *("useFipsEndpoint", "metricsNamespaces", "hostNetwork", "awsRegion", "dnsPolicy"),
        )
    ),
    "watched": {
        "port": 9090,
        "events": True,
        "rotatedEvents": True,
        "podMonitor": MONITOR,
        "alerts": {
            "enabled": True,
            "labels": {"release": "prometheus"},
            "alertLabels": {"team": "platform"},
            "rules": {
                name: {**rule, "severity": "page"}
                | ({"threshold": 7.5} if "threshold" in rule else {})
                for name, rule in RULES.items()
            },
        },
        "dashboard": {
            "enabled": True,
            "labels": {"grafana_dashboard": "yes"},
            "annotations": {"grafana_folder": "AWS"},
        },
    },
    "watched as a service": {"serviceMonitor": MONITOR, "alerts": {"enabled": True}},
    "behind a network policy": {
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
            "dnsTo": [{"ipBlock": {"cidr": "169.254.20.10/32"}}],
            "awsTo": [{"ipBlock": {"cidr": "10.0.0.0/16"}}],
            "apiServerTo": [{"ipBlock": {"cidr": "10.0.1.0/24"}}],
            "apiServerPorts": [6443],
            "extraIngress": [{"from": [{"ipBlock": {"cidr": "10.0.9.0/24"}}]}],
            "extraEgress": [
                {"to": [{"ipBlock": {"cidr": "10.0.3.0/24"}}], "ports": [{"port": 3128}]}
            ],
        },
        "proxy": {"https": "http://10.0.3.4:3128"},
    },
}
UNHARDENED = {"reference", "without", "host network"}
"""Renderings whose values ask for less than a platform team would."""


@cache
def rendered(case: str) -> tuple[manifests.Document, ...]:
    return manifests.templated(CHART, MATRIX[case])


def pod(case: str) -> dict[str, Any]:
    return dict(manifests.only(rendered(case), "DaemonSet")["spec"]["template"]["spec"])


def config(case: str) -> Config:
    container = policy.provider(pod(case))
    environment = {one["name"]: one.get("value", "node-1") for one in container["env"]}
    return parse(container["args"], environment)


def environment(case: str) -> dict[str, str]:
    return {
        one["name"]: one["value"] for one in policy.provider(pod(case))["env"] if "value" in one
    }


def leaves(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of the single values; a map whose keys are the user's is one."""
    for name, about in schema["properties"].items():
        if "properties" in about:
            yield from leaves(about, (*path, name))
        elif name != "global":
            yield (*path, name)


LEAVES = list(leaves(SCHEMA))


def at(path: tuple[str, ...], values: Mapping[str, Any]) -> Any:
    """A value, or None where it is not set."""
    for step in path:
        values = {} if values.get(step) is None else values[step]
    return values if values != {} else None
