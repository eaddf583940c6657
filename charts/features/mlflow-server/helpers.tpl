{{/* The names that the service answers to, separated by commas: a page of another is refused. */}}
{{- define "chart.mlflowHosts" -}}
{{- $name := include "onyxia-library.fullname" . -}}
{{- $names := list "localhost" "127.0.0.1" $name (printf "%s.%s" $name .Release.Namespace) -}}
{{- $hosts := list (printf "%s.%s.*" $name .Release.Namespace) -}}
{{- range $names -}}
{{- $hosts = concat $hosts (list . (printf "%s:*" .)) -}}
{{- end -}}
{{- if .Values.ingress.enabled -}}
{{- $hosts = append $hosts .Values.ingress.hostname -}}
{{- end -}}
{{- if .Values.route.enabled -}}
{{- $hosts = append $hosts .Values.route.hostname -}}
{{- end -}}
{{- join "," $hosts -}}
{{- end -}}

{{/* Where its own pages come from, in the same way. */}}
{{- define "chart.mlflowOrigins" -}}
{{- $origins := list -}}
{{- if .Values.ingress.enabled -}}
{{- $origins = append $origins (printf "%s://%s" (ternary "https" "http" .Values.ingress.tls) .Values.ingress.hostname) -}}
{{- end -}}
{{- if .Values.route.enabled -}}
{{- $origins = append $origins (printf "https://%s" .Values.route.hostname) -}}
{{- end -}}
{{- join "," $origins -}}
{{- end -}}

{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: mlflow
facts:
  username: {{ .Values.mlflow.username | quote }}
  password: {{ include "chart.password" . | quote }}
  s3: {{ ternary (include "chart.s3Url" .) "" .Values.s3.enabled | quote }}
{{- end -}}
