{{- define "spa.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "spa.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "spa.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "spa.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "spa.account" -}}
{{- default (include "spa.fullname" .) (.Values.rbac).serviceAccountName }}
{{- end }}

{{- define "spa.selector" -}}
app.kubernetes.io/name: {{ include "spa.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "spa.labels" -}}
{{- $own := include "spa.selector" . | fromYaml }}
{{- $version := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63)
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (merge $own $version (default dict .Values.commonLabels)) }}
{{- end }}

{{- define "spa.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ default .version .tag }}{{ end }}
{{- end }}

{{/* A number or text as text: 16777216 would be 1.6777216e+07. */}}
{{- define "spa.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else if not (kindIs "invalid" .) }}{{ . }}{{ end }}
{{- end }}

{{/* The options of the daemon that have a value of their own, by the name of each. */}}
{{- define "spa.options" -}}
{{- $throttling := default dict .Values.k8sThrottlingParams }}
{{- with .Values }}
qps: {{ include "spa.text" $throttling.qps | quote }}
burst: {{ include "spa.text" $throttling.burst | quote }}
eks-addon-version: {{ .eksAddonVersion | quote }}
pod-identity-http-timeout: {{ .podIdentityHttpTimeout | quote }}
rotation-poll-interval: {{ .rotationPollInterval | quote }}
cache-max-bytes: {{ include "spa.text" .cacheMaxBytes | quote }}
log-level: {{ .logLevel | quote }}
log-format: {{ .logFormat | quote }}
allowed-regions: {{ join "," (.policy).allowedRegions | quote }}
allowed-accounts: {{ join "," (.policy).allowedAccounts | quote }}
allowed-role-arns: {{ join "," (.policy).allowedRoleArns | quote }}
metrics-namespaces: {{ join "," .metricsNamespaces | quote }}
{{- end }}
{{- end }}

{{/*
Kubernetes wants either a surge or unavailable pods, and refuses both and neither. On the node's
network a second pod would find the port taken, so that the old one has to go first.
*/}}
{{- define "spa.updateStrategy" -}}
{{- $strategy := deepCopy .Values.updateStrategy }}
{{- $rolling := default dict $strategy.rollingUpdate }}
{{- $none := list "" "0" "0%" }}
{{- $surge := default "" $rolling.maxSurge }}
{{- $hasSurge := not (or .Values.hostNetwork (has (toString $surge) $none)) }}
{{- if or (eq (default "" $strategy.type) "OnDelete") (not $rolling) }}
{{- $_ := unset $strategy "rollingUpdate" }}
{{- else if not (has (default "" $rolling.maxUnavailable | toString) $none) }}
{{- $_ := set $rolling "maxSurge" 0 }}
{{- else if $hasSurge }}
{{- $_ := set $rolling "maxUnavailable" 0 }}
{{- else }}
{{- $_ := set $rolling "maxUnavailable" (ternary 1 $surge (has (toString $surge) $none)) }}
{{- $_ := set $rolling "maxSurge" 0 }}
{{- end }}
{{- toYaml $strategy }}
{{- end }}

{{/* The ConfigMap with the rules of namespaces; empty if there is none. */}}
{{- define "spa.policy" -}}
{{- if (.Values.policy).rules }}{{ include "spa.fullname" . }}-policy{{ else }}{{ default "" (.Values.policy).configMap }}{{ end }}
{{- end }}

{{/* Environment variables that have a value of their own, by the name of each. */}}
{{- define "spa.environment" -}}
{{- with .Values }}
AWS_REGION: {{ .awsRegion | quote }}
AWS_USE_FIPS_ENDPOINT: {{ if .useFipsEndpoint }}"true"{{ end }}
AWS_USE_DUALSTACK_ENDPOINT: {{ if .useDualstackEndpoint }}"true"{{ end }}
HTTPS_PROXY: {{ (.proxy).https | quote }}
HTTP_PROXY: {{ (.proxy).http | quote }}
NO_PROXY: {{ (.proxy).noProxy | quote }}
AWS_CA_BUNDLE: {{ if (.caBundle).configMap }}{{ printf "/etc/secrets-provider-aws/ca/%s" (default "ca.crt" .caBundle.key) | quote }}{{ end }}
{{- end }}
{{- end }}

{{/* How a monitor reads metrics, from the values of the monitor. */}}
{{- define "spa.scraping" -}}
{{- with .interval -}}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
# The namespace of a volume (metricsNamespaces) is not replaced by that of the provider.
honorLabels: true
relabelings:
  - sourceLabels: [__meta_kubernetes_pod_node_name]
    targetLabel: node
  {{- with .relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
