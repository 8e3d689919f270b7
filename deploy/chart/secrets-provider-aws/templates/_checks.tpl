{{/* Refuses values that contradict each other; the schema checks each value by itself. */}}
{{- define "spa.checks" -}}
{{- $values := .Values }}
{{- if (index $values "secrets-store-csi-driver").install }}
{{- fail "secrets-store-csi-driver.install: this chart does not include the driver. Set it to false, and install the driver separately (docs/operations.md). Or install the chart with-driver, which includes both." }}
{{- end }}
{{- if regexMatch "[:@][^/]*$" $values.image.repository }}
{{- fail (printf "image.repository: %s ends with a tag or a digest. Put it into image.tag or image.digest." $values.image.repository) }}
{{- end }}
{{- if hasPrefix "public.ecr.aws/aws-secrets-manager/" $values.image.repository }}
{{- fail (printf "image.repository: %s is the image of AWS's own provider, which does not know the options of this chart. Set it to where you pushed the image of this provider." $values.image.repository) }}
{{- end }}
{{- if and $values.rotatedEvents (not $values.events) }}
{{- fail "rotatedEvents: has no effect without events. Set events to true as well." }}
{{- end }}
{{- if and ($values.policy).rules ($values.policy).configMap }}
{{- fail "policy: rules and configMap are both set. Use one of them: rules makes a ConfigMap, configMap names one of your own." }}
{{- end }}
{{- if and ($values.podMonitor).enabled ($values.serviceMonitor).enabled }}
{{- fail "podMonitor and serviceMonitor are both enabled, so every metric would be counted twice. Enable one of them." }}
{{- end }}
{{- if and (eq (default "" $values.dnsPolicy) "None") (not ($values.dnsConfig).nameservers) }}
{{- fail "dnsPolicy: None needs the addresses of DNS servers in dnsConfig.nameservers." }}
{{- end }}
{{- if ($values.networkPolicy).enabled }}
{{- if $values.hostNetwork }}
{{- fail "networkPolicy.enabled: has no effect with hostNetwork, because policies do not apply to pods in the network of the node. Set one of them to false." }}
{{- end }}
{{- if and (or ($values.proxy).https ($values.proxy).http) (not $values.networkPolicy.extraEgress) }}
{{- fail "networkPolicy.enabled: a proxy is set, but the policy does not allow connections to it. Add its address and port to networkPolicy.extraEgress." }}
{{- end }}
{{- end }}
{{- end }}
