{{/* Where the pages of the service come from, separated by commas. */}}
{{- define "chart.origins" -}}
{{- $origins := list -}}
{{- if .Values.ingress.enabled -}}
{{- $origins = append $origins (printf "%s://%s" (ternary "https" "http" .Values.ingress.tls) .Values.ingress.hostname) -}}
{{- end -}}
{{- if .Values.route.enabled -}}
{{- $origins = append $origins (printf "https://%s" .Values.route.hostname) -}}
{{- end -}}
{{- join "," $origins -}}
{{- end -}}
