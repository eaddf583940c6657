{{/* Where the service starts. */}}
{{- define "chart.folder" -}}
{{ .Values.upstream.folder }}
{{- end -}}

{{/* What a volume keeps. */}}
{{- define "chart.keptFolder" -}}
{{ .Values.upstream.folder }}
{{- end -}}

{{/* How a cluster asks the service: it may have no path that answers without a password. */}}
{{- define "chart.probe" -}}
tcpSocket:
  port: {{ .Values.networking.service.port | int }}
{{- end -}}
