"""The chart of the controller, rendered over a few sets of values in which each value occurs."""

import json
from functools import cache
from typing import Any

from provider.cli.controller import add_options
from provider.controller.config import Config
from provider.runtime.options import configure
from provider.tools.arguments import Parser
from testbed.cluster import read_yaml
from tests.deploy import manifests
from tests.deploy.chart import leaves

CHART = manifests.DEPLOY / "chart" / "secrets-controller-aws"
VALUES: dict[str, Any] = read_yaml(CHART / "values.yaml")[0]
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
LEAVES = list(leaves(SCHEMA))
NAME = "secrets-controller-aws"
NAMESPACE = "external-secrets"
WITHOUT_CRDS = {"installCRDs": False}

MATRIX: dict[str, dict[str, Any]] = {
    "default": {},
    # Values as they are in the wild, all of External Secrets Operator's chart.
    "operator": {
        "installCRDs": True,
        "crds": {
            "createClusterExternalSecret": False,
            "createClusterSecretStore": False,
            "createClusterGenerator": False,
            "createSecretStore": False,
            "createPushSecret": True,
            "createClusterPushSecret": True,
            "keep": False,
            "annotations": {"argocd.argoproj.io/sync-wave": "-1"},
            "conversion": {"enabled": False},
            "unsafeServeV1Beta1": True,
        },
        "processClusterExternalSecret": False,
        "processClusterStore": False,
        "processSecretStore": False,
        "processClusterGenerator": True,
        "processPushSecret": True,
        "processClusterPushSecret": True,
        "replicaCount": 1,
        "leaderElect": False,
        "revisionHistoryLimit": 3,
        "concurrent": 5,
        "controllerClass": "prod",
        "storeRequeueInterval": "1m",
        "extendedMetricLabels": True,
        "enableHTTP2": True,
        "systemAuthDelegator": False,
        "openshiftFinalizers": False,
        "bitwarden-sdk-server": {"enabled": False, "namespaceOverride": ""},
        "genericTargets": {"enabled": False, "resources": []},
        "image": {"repository": "registry.example/spa", "tag": "1", "flavour": "ubi"},
        "imagePullSecrets": [{"name": "pull"}],
        "serviceAccount": {
            "create": True,
            "automount": True,
            "name": "eso",
            "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/eso"},
            "extraLabels": {"team": "platform"},
        },
        "extraArgs": {
            "enable-flood-gate": False,
            "client-qps": 1000000,
            "enable-secrets-caching": None,
            "loglevel": "error",
        },
        "extraEnv": [{"name": "AWS_USE_FIPS_ENDPOINT", "value": "true"}],
        "log": {"level": "debug", "timeEncoding": "iso8601"},
        "webhook": {"create": False, "port": 10250, "failurePolicy": "Ignore"},
        "certController": {"create": False, "resources": {}},
        "podDisruptionBudget": {"enabled": True, "minAvailable": 1, "nameOverride": "eso"},
        "livenessProbe": {
            "enabled": True,
            "spec": {"address": "", "failureThreshold": 9, "httpGet": {"port": 9082}},
        },
        "metrics": {
            "listen": {"port": 9080, "secure": {"enabled": False}},
            "service": {"enabled": True, "port": 9080, "annotations": {"note": "here"}},
        },
        "service": {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]},
        "dnsPolicy": "ClusterFirst",
        "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
    },
    "scoped": {
        **WITHOUT_CRDS,
        "scopedNamespace": "shop",
        "scopedRBAC": True,
        "rbac": {
            "create": True,
            "serviceAccountTokenCreate": False,
            "aggregateToView": False,
            "aggregateToEdit": False,
            "servicebindings": {"create": False},
        },
        "allowNodeRole": True,
    },
    "placed": {
        **WITHOUT_CRDS,
        "nameOverride": "eso",
        "fullnameOverride": "aws-secrets",
        "namespaceOverride": "platform",
        "commonLabels": {"owner": "platform"},
        "strategy": {"type": "Recreate"},
        "deploymentAnnotations": {"reloader": "yes"},
        "podAnnotations": {"note": "here"},
        "podLabels": {"team": "platform"},
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
        "podSecurityContext": {"enabled": True, "fsGroup": 2000},
        "securityContext": {"enabled": True, "runAsUser": 1000},
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "system", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
            }
        ],
        "priorityClassName": "system-cluster-critical",
        "hostNetwork": True,
        "podDisruptionBudget": {"maxUnavailable": "50%"},
        "podSpecExtra": {"shareProcessNamespace": True, "terminationGracePeriodSeconds": 60},
        "schedulerName": "mine",
        "runtimeClassName": "gvisor",
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
        "extraInitContainers": [{"name": "first", "image": "busybox"}],
        "extraContainers": [{"name": "beside", "image": "busybox"}],
        "extraObjects": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "{{ .Release.Name }}-more", "namespace": "platform"},
            }
        ],
        "image": {"digest": f"sha256:{'ab' * 32}", "pullPolicy": "Always"},
        "global": {
            "repository": "registry.example/all",
            "podLabels": {"zone": "a"},
            "podAnnotations": {"note": "loses"},
            "nodeSelector": {"pool": "loses"},
            "tolerations": [{"key": "loses"}],
            "topologySpreadConstraints": [{"topologyKey": "loses"}],
            "affinity": {"nodeAffinity": {}},
            "imagePullSecrets": [{"name": "all"}],
            "compatibility": {"openshift": {"adaptSecurityContext": "disabled"}},
        },
    },
    "watched": {
        **WITHOUT_CRDS,
        "auditLog": True,
        "processClusterGenerator": False,
        "processPushSecret": False,
        "processClusterPushSecret": False,
        "controllerClass": "audited",
        "leaderElectionID": "audited-controller",
        "policy": {
            "allowedRegions": ["eu-*"],
            "allowedAccounts": ["111122223333"],
            "allowedRoleArns": ["*:role/eso-*"],
            "rules": [{"name": "shop", "namespaces": ["shop"], "secretNames": ["shop/*"]}],
        },
        "serviceMonitor": {
            "enabled": True,
            "renderMode": "alwaysRender",
            "namespace": "monitoring",
            "additionalLabels": {"release": "prometheus"},
            "interval": "15s",
            "scrapeTimeout": "10s",
            "honorLabels": False,
            "metricRelabelings": [{"action": "labeldrop", "regex": "name"}],
            "relabelings": [{"targetLabel": "cluster", "replacement": "a"}],
        },
        "alerts": {"enabled": True, "labels": {"release": "prometheus"}},
        "grafanaDashboard": {
            "enabled": True,
            "sidecarLabel": "dashboards",
            "sidecarLabelValue": "yes",
            "annotations": {"grafana_folder": "AWS"},
            "extraLabels": {"team": "platform"},
        },
    },
    # Helm's way to take a default away.
    "without": {
        **WITHOUT_CRDS,
        **dict.fromkeys(
            (
                *("strategy", "deploymentAnnotations", "podAnnotations", "podLabels", "dnsConfig"),
                *("commonLabels", "resources", "podSecurityContext", "securityContext"),
                *("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints"),
                *("imagePullSecrets", "extraArgs", "extraEnv", "extraObjects", "webhook"),
                *("certController", "podDisruptionBudget"),
            )
        ),
        "serviceAccount": {"annotations": None, "extraLabels": None},
        "livenessProbe": {"enabled": False, "spec": None},
        "serviceMonitor": {
            "enabled": True,
            "renderMode": "alwaysRender",
            "additionalLabels": None,
            "relabelings": None,
        },
        "grafanaDashboard": {"enabled": True, "extraLabels": None, "annotations": None},
        "alerts": {"enabled": True, "labels": None},
    },
    "rights only": {
        **WITHOUT_CRDS,
        "createOperator": False,
        "policy": {"configMap": "limits"},
        "serviceAccount": {"create": False, "name": "mine"},
    },
}


@cache
def rendered(case: str) -> tuple[manifests.Document, ...]:
    return template(MATRIX[case])


def template(values: dict[str, Any], release: str = NAME) -> tuple[manifests.Document, ...]:
    """What `helm install` would apply in the namespace `external-secrets`."""
    return manifests.templated(CHART, values, release=release, namespace=NAMESPACE)


def pod(case: str) -> Any:
    return manifests.only(rendered(case), "Deployment")["spec"]["template"]["spec"]


def container(case: str) -> Any:
    return next(one for one in pod(case)["containers"] if one["name"] == "controller")


def config(case: str) -> Config:
    """The settings that the container starts with."""
    return started_with(container(case))


def started_with(container: manifests.Document) -> Config:
    """The settings of a container, by the command line and environment that it gets."""
    command, *arguments = container["args"]
    assert command == "controller"
    parser = Parser(prog="test")
    add_options(parser)
    environment = {
        one["name"]: one.get("value") or one["valueFrom"]["fieldRef"]["fieldPath"]
        for one in container["env"]
    }
    return configure(Config, vars(parser.parse_args(arguments)), environment)
