{{/* The user; a name without a host is no address, and programs refuse it. */}}
{{- define "chart.login" -}}
{{- $name := .Values.security.username -}}
{{- ternary $name (printf "%s@example.org" $name) (contains "@" $name) -}}
{{- end -}}
