{{/* How a cluster asks the service: it answers once it takes connections. */}}
{{- define "chart.probe" -}}
tcpSocket:
  port: {{ .Values.networking.service.port | int }}
{{- end -}}

{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: hive
facts:
  {{- if and .Values.s3.enabled .Values.s3.endpoint }}
  s3: {{ include "chart.s3Url" . | quote }}
  {{- end }}
{{- end -}}
