{{/* The URL of the store; nothing where it is Amazon's. */}}
{{- define "chart.s3Url" -}}
{{- with .Values.s3.endpoint -}}
{{- ternary . (printf "https://%s/" .) (contains "://" .) -}}
{{- end -}}
{{- end -}}
