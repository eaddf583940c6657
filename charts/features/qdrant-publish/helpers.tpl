{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: qdrant
entries:
  {{- include "onyxia-library.entries" (dict
      "QDRANT_URL" (printf "http://%s:%d" (include "onyxia-library.fullname" .) (.Values.networking.service.port | int))
      "QDRANT_API_KEY" (include "chart.password" .)) | nindent 2 }}
{{- end -}}
