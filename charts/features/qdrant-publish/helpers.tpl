{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: qdrant
facts:
  password: {{ include "chart.password" . | quote }}
{{- end -}}
