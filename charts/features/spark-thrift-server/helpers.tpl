{{/* How a cluster asks the service: it answers once it takes connections. */}}
{{- define "chart.probe" -}}
tcpSocket:
  port: {{ .Values.networking.service.port | int }}
{{- end -}}

{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: spark-thrift-server
{{- end -}}
