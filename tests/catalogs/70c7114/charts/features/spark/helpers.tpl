{{/* Options of the JVMs of Spark: proxies, and whether S3's certificate is checked. */}}
{{- define "chart.sparkJavaOptions" -}}
{{- $options := list (printf "-Dcom.amazonaws.sdk.disableCertChecking=%v" .Values.spark.disabledCertChecking) -}}
{{- if .Values.proxy.enabled -}}
{{- $hosts := list -}}
{{- range splitList "," .Values.proxy.noProxy -}}
{{- with trim . -}}
{{- $hosts = append $hosts (hasPrefix "." . | ternary (printf "*%s" .) .) -}}
{{- end -}}
{{- end -}}
{{- with join "|" $hosts -}}
{{- $options = append $options (printf "-Dhttp.nonProxyHosts=%s" .) -}}
{{- end -}}
{{- end -}}
{{- join " " $options -}}
{{- end -}}

{{/* spark-defaults.conf, from properties. In: a mapping. */}}
{{- define "chart.sparkDefaults" -}}
{{- range $key, $value := . -}}
{{- if ne (toString $value) "" }}
{{ regexReplaceAll "([\\\\ :=#!])" $key "\\$1" }} {{ toString $value | replace "\\" "\\\\" | replace "\n" "\\n" | replace "\r" "\\r" }}
{{- end -}}
{{- end }}
{{ end -}}
