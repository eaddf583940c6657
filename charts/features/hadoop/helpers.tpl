{{/* A configuration file of Hadoop, by the name that features of catalogs know. In: a mapping. */}}
{{- define "chart.hadoopSite" -}}
{{- include "onyxia-library.file.hadoop" . -}}
{{- end -}}
