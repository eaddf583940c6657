{{/* The certificates, in PEM. */}}
{{- define "chart.certificates" -}}
{{- with .Values.certificates.cacerts -}}
{{- if contains "-----BEGIN" . -}}
{{- . -}}
{{- else -}}
{{- b64dec . -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The file that holds the bundle. */}}
{{- define "chart.certificateBundle" -}}
{{- $path := .Values.certificates.pathToCaBundle -}}
{{- if hasSuffix "/" $path -}}
{{- printf "%sca-certificates.crt" $path -}}
{{- else -}}
{{- $path -}}
{{- end -}}
{{- end -}}

{{/* The name of the ConfigMap with the certificates. */}}
{{- define "chart.certificatesName" -}}
{{- printf "%s-certificates" (include "onyxia-library.fullname" .) -}}
{{- end -}}
