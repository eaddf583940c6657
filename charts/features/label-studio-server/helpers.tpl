{{/* What others are told. The server computes the same token from its password. */}}
{{- define "chart.discovery" -}}
service: label-studio
entries:
  {{- include "onyxia-library.entries" (dict
      "LABEL_STUDIO_URL" (printf "http://%s:%d" (include "onyxia-library.fullname" .) (.Values.networking.service.port | int))
      "LABEL_STUDIO_API_KEY" (printf "label-studio %s" (include "chart.password" .) | sha256sum | trunc 40)) | nindent 2 }}
{{- end -}}
