{{/* The name of the Secret that holds the password. */}}
{{- define "chart.passwordSecret" -}}
{{- $own := include "onyxia-library.sourceName" (dict "root" . "source" (dict "part" "password" "name" "")) -}}
{{- .Values.security.existingSecret | default $own -}}
{{- end -}}

{{/* The password. Of somebody else's Secret it is known where a cluster can be asked. */}}
{{- define "chart.password" -}}
{{- $about := dict "root" . "secret" (include "chart.passwordSecret" .) "key" "PASSWORD" "given" .Values.security.password -}}
{{- include (ternary "onyxia-library.held" "onyxia-library.password" (ne .Values.security.existingSecret "")) $about -}}
{{- end -}}

{{/* The placeholder, where the password is that. */}}
{{- define "chart.noPassword" -}}
{{- $none := include "onyxia-library.noPassword" . -}}
{{- if eq (include "chart.password" .) $none -}}
{{- $none -}}
{{- end -}}
{{- end -}}
