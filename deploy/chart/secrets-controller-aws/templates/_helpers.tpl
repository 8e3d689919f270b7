{{- define "sca.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sca.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "sca.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "sca.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "sca.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "sca.account" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "sca.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "sca.selector" -}}
app.kubernetes.io/name: {{ include "sca.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "sca.labels" -}}
{{- $own := include "sca.selector" . | fromYaml }}
{{- $version := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63)
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (merge $own $version (default dict .Values.commonLabels)) }}
{{- end }}

{{- define "sca.image" -}}
{{- $image := .Values.image }}
{{- $repository := default $image.repository .Values.global.repository }}
{{- if $image.digest }}{{ $repository }}@{{ $image.digest }}{{ else }}{{ $repository }}:{{ default .Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{/* A number or text as text: 1000000 would be 1e+06. */}}
{{- define "sca.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else if not (kindIs "invalid" .) }}{{ . }}{{ end }}
{{- end }}

{{- define "sca.livePort" -}}
{{- $port := dig "spec" "httpGet" "port" 8082 .Values.livenessProbe }}
{{- if kindIs "string" $port }}8082{{ else }}{{ int $port }}{{ end }}
{{- end }}

{{/* Whether rights are Roles of one namespace. */}}
{{- define "sca.scoped" -}}
{{- if and .Values.scopedNamespace .Values.scopedRBAC }}true{{ end }}
{{- end }}

{{- define "sca.clusterStores" -}}
{{- if and .Values.processClusterStore .Values.crds.createClusterSecretStore (not .Values.scopedNamespace) }}true{{ end }}
{{- end }}

{{- define "sca.clusterExternalSecrets" -}}
{{- if and .Values.processClusterExternalSecret .Values.crds.createClusterExternalSecret (not .Values.scopedNamespace) }}true{{ end }}
{{- end }}

{{- define "sca.clusterGenerators" -}}
{{- if and .Values.processClusterGenerator .Values.crds.createClusterGenerator (not .Values.scopedNamespace) }}true{{ end }}
{{- end }}

{{/* The PushSecrets that the controller answers, as a list in YAML. */}}
{{- define "sca.pushSecrets" -}}
{{- if .Values.processPushSecret }}
- pushsecrets
{{- end }}
{{- if and .Values.processClusterPushSecret (not .Values.scopedNamespace) }}
- clusterpushsecrets
{{- end }}
{{- end }}

{{/* The options of the controller that have a value of their own, by the name of each. */}}
{{- define "sca.options" -}}
{{- $class := .Values.controllerClass }}
{{- with .Values }}
namespace: {{ .scopedNamespace | quote }}
controller-class: {{ $class | quote }}
concurrent: {{ include "sca.text" .concurrent | quote }}
store-requeue-interval: {{ .storeRequeueInterval | quote }}
allow-node-role: {{ ternary "true" "" .allowNodeRole | quote }}
enable-leader-election: {{ ternary "" "false" .leaderElect | quote }}
leader-election-id: {{ .leaderElectionID | quote }}
allowed-regions: {{ join "," .policy.allowedRegions | quote }}
allowed-accounts: {{ join "," .policy.allowedAccounts | quote }}
allowed-role-arns: {{ join "," .policy.allowedRoleArns | quote }}
enable-secret-store-reconciler: {{ ternary "" "false" .processSecretStore | quote }}
enable-push-secret-reconciler: {{ ternary "" "false" .processPushSecret | quote }}
enable-extended-metric-labels: {{ ternary "true" "" .extendedMetricLabels | quote }}
loglevel: {{ get (dict "warn" "warning" "info" "") .log.level | default (ternary "" .log.level (eq .log.level "info")) | quote }}
{{- end }}
{{- if not .Values.scopedNamespace }}
enable-cluster-store-reconciler: {{ ternary "" "false" (eq (include "sca.clusterStores" .) "true") | quote }}
enable-cluster-external-secret-reconciler: {{ ternary "" "false" (eq (include "sca.clusterExternalSecrets" .) "true") | quote }}
enable-cluster-generators: {{ ternary "" "false" (eq (include "sca.clusterGenerators" .) "true") | quote }}
enable-cluster-push-secret-reconciler: {{ ternary "" "false" .Values.processClusterPushSecret | quote }}
{{- end }}
{{- end }}

{{/* The ConfigMap with the rules of namespaces; empty if there is none. */}}
{{- define "sca.policy" -}}
{{- if and .Values.policy.rules .Values.policy.configMap }}
{{- fail "policy: use either rules or configMap" }}
{{- end }}
{{- if .Values.policy.rules }}{{ include "sca.fullname" . }}-policy{{ else }}{{ .Values.policy.configMap }}{{ end }}
{{- end }}

{{/* A security context without `enabled`, and without ids where OpenShift sets them. */}}
{{- define "sca.context" -}}
{{- $context := .context }}
{{- if and $context (dig "enabled" true $context) }}
{{- $without := list "enabled" }}
{{- $adapt := .root.Values.global.compatibility.openshift.adaptSecurityContext }}
{{- $isOpenShift := .root.Capabilities.APIVersions.Has "security.openshift.io/v1" }}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") $isOpenShift) }}
{{- $without = concat $without (list "runAsUser" "runAsGroup" "fsGroup") }}
{{- end }}
{{- $shown := dict }}
{{- range $key, $value := $context }}
{{- if not (has $key $without) }}{{ $_ := set $shown $key $value }}{{ end }}
{{- end }}
{{- with $shown }}{{ toYaml . }}{{ end }}
{{- end }}
{{- end }}
