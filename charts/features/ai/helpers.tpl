{{/* The models of all providers as Continue lists them, as JSON; the one that is asked first leads. */}}
{{- define "chart.models" -}}
{{- $models := list -}}
{{- range prepend .Values.ai.providers .Values.ai.activeProvider -}}
{{- $provider := . -}}
{{- $first := list (get . "selectedModel") | compact -}}
{{- range concat $first (get . "models" | default list) | uniq -}}
{{- $kind := get $provider "provider" | default "openai" | replace "openai-compatible" "openai" -}}
{{- $model := dict "name" (list (get $provider "name") . | compact | join " / ") "model" . "provider" $kind -}}
{{- range $key := list "apiBase" "apiKey" -}}
{{- with get $provider $key -}}
{{- $_ := set $model $key . -}}
{{- end -}}
{{- end -}}
{{- $models = append $models $model -}}
{{- end -}}
{{- end -}}
{{- dict "models" $models | toJson -}}
{{- end -}}
