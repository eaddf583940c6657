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

{{/*
A property in which the words of a closed list are replaced. No more of it is evaluated: a value is
never a template. The words in braces are what older values.yaml had, ours and the official ones.
In: root, value.
*/}}
{{- define "chart.sparkProperty" -}}
{{- $name := include "onyxia-library.fullname" .root -}}
{{- $options := include "chart.sparkJavaOptions" .root -}}
{{- $words := dict
    "${fullname}" $name
    "${namespace}" .root.Release.Namespace
    "${javaOptions}" $options
    "{{ include \"onyxia-library.fullname\" . }}" $name
    "{{ include \"library-chart.fullname\" . }}" $name
    "{{ .Release.Namespace }}" .root.Release.Namespace
    "{{ include \"chart.sparkJavaOptions\" . }}" $options
    "{{ include \"library-chart.sparkExtraJavaOptions\" . }}" $options -}}
{{- $property := toString .value -}}
{{- range $word, $text := $words -}}
{{- $property = replace $word $text $property -}}
{{- end -}}
{{- $property -}}
{{- end -}}

{{/* spark-defaults.conf, from properties. In: a mapping. */}}
{{- define "chart.sparkDefaults" -}}
{{- range $key, $value := . -}}
{{- if ne (toString $value) "" }}
{{ regexReplaceAll "([\\\\ :=#!])" $key "\\$1" }} {{ toString $value | replace "\\" "\\\\" | replace "\n" "\\n" | replace "\r" "\\r" }}
{{- end -}}
{{- end }}
{{ end -}}

{{/*
Who opens the page of Spark, as nginx reads it: the user of the session, with its password. Nobody,
where the password is unknown or has a sign that such a line cannot have.
*/}}
{{- define "chart.sparkLogin" -}}
{{- $password := include "chart.password" . -}}
{{- $user := .Values.environment.user -}}
{{- if and (regexMatch "^[!-9;-~]+$" $password) (regexMatch "^[!-9;-~]+$" $user) -}}
{{- printf "%s:{PLAIN}%s" $user $password -}}
{{- end -}}
{{- end -}}
