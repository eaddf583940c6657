{{/* The service account of the pod. */}}
{{- define "chart.serviceAccount" -}}
{{- $name := ternary (include "onyxia-library.fullname" .) "default" .Values.serviceAccount.create -}}
{{- $account := .Values.serviceAccount.name | default $name -}}
{{- $account -}}
{{- end -}}
