{{/* A configuration file of Hadoop. In: a mapping. */}}
{{- define "chart.hadoopSite" -}}
<?xml version="1.0"?>
<configuration>
{{- range $key, $value := . }}
{{- if ne (toString $value) "" }}
  <property><name>{{ html $key }}</name><value>{{ html $value }}</value></property>
{{- end }}
{{- end }}
</configuration>
{{- end -}}
