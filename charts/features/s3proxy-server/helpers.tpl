{{/* Where the service starts. */}}
{{- define "chart.folder" -}}
/var/lib/s3proxy
{{- end -}}

{{/* What a volume keeps. */}}
{{- define "chart.keptFolder" -}}
/var/lib/s3proxy/data
{{- end -}}

{{/* How a cluster asks the service: it answers once it takes connections. */}}
{{- define "chart.probe" -}}
tcpSocket:
  port: {{ .Values.networking.service.port | int }}
{{- end -}}
