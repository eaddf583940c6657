{{/* The image that runs. */}}
{{- define "chart.image" -}}
{{- if .Values.service.image.custom.enabled -}}
{{- .Values.service.image.custom.version -}}
{{- else -}}
{{- .Values.service.image.version -}}
{{- end -}}
{{- end -}}

{{/* The security context of a container: the restricted profile, and what the values change. */}}
{{- define "chart.privileges" -}}
{{- $restricted := dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) -}}
{{- toYaml (mergeOverwrite $restricted (deepCopy .Values.securityContext)) -}}
{{- end -}}

{{/* Whether the pod is given the token of its service account: only what asks the cluster uses it. */}}
{{- define "chart.usesToken" -}}
{{- $role := get .Values "kubernetes" | default dict -}}
{{- $spark := get .Values "spark" | default dict -}}
{{- or (eq (get $role "enabled" | toString) "true") (eq (get $spark "default" | toString) "true") -}}
{{- end -}}
