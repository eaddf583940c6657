{{/* How a cluster asks the service. */}}
{{- define "chart.probe" -}}
tcpSocket:
  port: {{ .Values.networking.service.port | int }}
{{- end -}}

{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: dask
{{- end -}}
