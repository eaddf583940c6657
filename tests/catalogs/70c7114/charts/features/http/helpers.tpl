{{/* How a cluster asks the service. */}}
{{- define "chart.probe" -}}
httpGet:
  path: {{ include "chart.healthPath" . | quote }}
  port: {{ .Values.networking.service.port | int }}
{{- end -}}
