{{/* The folder of event logs, as a URL. */}}
{{- define "chart.eventLogs" -}}
{{- $folder := .Values.spark.directory | default (printf "%s/spark-events" (include "chart.workDirectory" .)) -}}
{{- ternary $folder (printf "file://%s" $folder) (contains ":" $folder) -}}
{{- end -}}
