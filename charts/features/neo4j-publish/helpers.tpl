{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: neo4j
facts:
  username: neo4j
  password: {{ include "chart.password" . | quote }}
{{- end -}}
