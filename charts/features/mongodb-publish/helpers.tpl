{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: mongodb
facts:
  database: admin
  username: root
  password: {{ include "chart.password" . | quote }}
  rootPassword: {{ include "chart.password" . | quote }}
{{- end -}}
