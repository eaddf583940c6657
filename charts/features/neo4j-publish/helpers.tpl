{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: neo4j
entries:
  {{- include "onyxia-library.entries" (dict
      "NEO4J_URI" (printf "bolt://%s:%d" (include "onyxia-library.fullname" .) (.Values.networking.service.port | int))
      "NEO4J_USERNAME" "neo4j"
      "NEO4J_PASSWORD" (include "chart.password" .)) | nindent 2 }}
{{- end -}}
