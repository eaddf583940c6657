{{/* What others are told: the first user is the administrator. */}}
{{- define "chart.discovery" -}}
{{- $host := printf "%s:%d" (include "onyxia-library.fullname" .) (.Values.networking.service.port | int) -}}
service: mongodb
entries:
  {{- include "onyxia-library.entries" (dict
      "mongodb-service" $host
      "mongodb-name" (include "onyxia-library.fullname" .)
      "mongodb-database" "admin"
      "mongodb-username" "root"
      "mongodb-password" (include "chart.password" .)
      "mongodb-rootPassword" (include "chart.password" .)) | nindent 2 }}
{{- end -}}
