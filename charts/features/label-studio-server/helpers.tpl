{{/* What others are told. The server computes the same token from its password. */}}
{{- define "chart.discovery" -}}
service: label-studio
facts:
  {{- if not (include "chart.noPassword" .) }}
  token: {{ printf "label-studio %s" (include "chart.password" .) | sha256sum | trunc 40 | quote }}
  {{- end }}
{{- end -}}
