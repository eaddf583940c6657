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
never a template. The expressions in braces are what older values.yaml had, ours and the official
ones. In: root, value.
*/}}
{{- define "chart.sparkProperty" -}}
{{- $name := include "onyxia-library.fullname" .root -}}
{{- $options := include "chart.sparkJavaOptions" .root -}}
{{- $image := include "chart.image" .root -}}
{{- $property := toString .value | replace "${fullname}" $name | replace "${namespace}" .root.Release.Namespace | replace "${javaOptions}" $options -}}
{{- $expressions := dict
    "(?:include|template)\\s+\"[\\w-]+\\.fullname\"\\s+[.$]" $name
    "\\.Release\\.Namespace" .root.Release.Namespace
    "\\.Release\\.Name" .root.Release.Name
    "(?:include|template)\\s+\"[\\w-]+\\.spark(?:Extra)?JavaOptions\"\\s+[.$]" $options
    "ternary\\s+\\.Values\\.service\\.image\\.custom\\.version\\s+\\.Values\\.service\\.image\\.version\\s+\\.Values\\.service\\.image\\.custom\\.enabled" $image
    "\\.Values\\.service\\.image\\.version" $image -}}
{{- range $expression, $text := $expressions -}}
{{- $property = regexReplaceAllLiteral (printf "\\{\\{-?\\s*%s\\s*(?:\\|\\s*quote\\s*)?-?\\}\\}" $expression) $property $text -}}
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
