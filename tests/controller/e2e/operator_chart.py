"""A stand-in for the Helm chart of External Secrets Operator.

It has what matters when the operator is replaced, under the same names: CRDs as templates,
Deployments, webhook configurations, and the values that the documentation sets.
"""

from pathlib import Path
from typing import Any

import yaml

from testbed.control_plane import CRDS

DEFINED = ("externalsecrets.yaml", "secretstores.yaml", "uuids.yaml")
"""Of its more than twenty CRDs: applying one takes a tenth of a second."""
_CHART = {
    "apiVersion": "v2",
    "name": "external-secrets",
    "version": "2.9.0",
    "appVersion": "v2.9.0",
}
_VALUES: dict[str, Any] = {
    "installCRDs": True,
    "crds": {"annotations": {}},
    "replicaCount": 1,
    "serviceAccount": {"name": ""},
    "webhook": {"create": True, "failurePolicy": "Fail"},
    "certController": {"create": True},
}
_DEFINITIONS = """\
{{- if .Values.installCRDs }}
{{- range $path, $_ := .Files.Glob "definitions/*.yaml" }}
{{- $crd := $.Files.Get $path | fromYaml }}
{{- $own := dict "controller-gen.kubebuilder.io/version" "v0.19.0" }}
{{- $_ := set $crd.metadata "annotations" (merge $own $.Values.crds.annotations) }}
---
{{ toYaml $crd }}
{{- end }}
{{- end }}
"""
_OPERATOR = """\
{{- range $name, $is_there := dict "external-secrets" true
    "external-secrets-webhook" .Values.webhook.create
    "external-secrets-cert-controller" .Values.certController.create }}
{{- if $is_there }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ $.Release.Namespace }}
  labels: &labels
    app.kubernetes.io/name: {{ $name }}
    app.kubernetes.io/instance: {{ $.Release.Name }}
spec:
  replicas: {{ eq $name "external-secrets" | ternary $.Values.replicaCount 1 }}
  selector:
    matchLabels: *labels
  template:
    metadata:
      labels: *labels
    spec:
      containers:
        - name: external-secrets
          image: ghcr.io/external-secrets/external-secrets:v2.9.0
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
            runAsNonRoot: true
            seccompProfile:
              type: RuntimeDefault
{{- end }}
{{- end }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ default "external-secrets" .Values.serviceAccount.name }}
  namespace: {{ .Release.Namespace }}
"""
_WEBHOOKS = """\
{{- if .Values.webhook.create }}
{{- range $kind := list "externalsecret" "secretstore" }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: {{ $kind }}-validate
webhooks:
  - name: validate.{{ $kind }}.external-secrets.io
    rules:
      - apiGroups: [external-secrets.io]
        apiVersions: [v1]
        operations: [CREATE, UPDATE, DELETE]
        resources: [{{ $kind }}s]
    clientConfig:
      service:
        namespace: {{ $.Release.Namespace }}
        name: external-secrets-webhook
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: {{ $.Values.webhook.failurePolicy }}
{{- end }}
{{- end }}
"""


def write_chart(folder: Path) -> Path:
    """Write the chart into an empty folder; the folder."""
    for name in ("templates", "definitions"):
        (folder / name).mkdir()
    (folder / "Chart.yaml").write_text(yaml.safe_dump(_CHART))
    (folder / "values.yaml").write_text(yaml.safe_dump(_VALUES))
    for name, text in (("crds", _DEFINITIONS), ("operator", _OPERATOR), ("webhooks", _WEBHOOKS)):
        (folder / "templates" / f"{name}.yaml").write_text(text)
    for name in DEFINED:
        definition = _as_the_operator_has_it(yaml.safe_load((CRDS / name).read_text()))
        (folder / "definitions" / name).write_text(yaml.safe_dump(definition))
    return folder


def _as_the_operator_has_it(definition: dict[str, Any]) -> dict[str, Any]:
    """Without v1beta1, which it does not serve, and without the conversion that is the default."""
    del definition["spec"]["conversion"]
    for version in definition["spec"]["versions"]:
        version["served"] = version["name"] != "v1beta1"
    return definition
