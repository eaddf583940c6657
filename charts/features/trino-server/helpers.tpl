{{/* What others are told: where clients enter by TLS, inside the cluster or through the Ingress. */}}
{{- define "chart.discovery" -}}
service: trino
facts:
  {{- if and .Values.ingress.enabled .Values.ingress.tls }}
  host: {{ .Values.ingress.hostname | quote }}
  port: "443"
  {{- else if .Values.route.enabled }}
  host: {{ .Values.route.hostname | quote }}
  port: "443"
  {{- else }}
  port: {{ .Values.networking.tls.port | int | quote }}
  {{- end }}
  catalog: tpch
  username: {{ .Values.trino.username | quote }}
  password: {{ include "chart.password" . | quote }}
{{- end -}}
