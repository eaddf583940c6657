{{/* What the values say of language models, as JSON; the profile of the user fills what is empty. */}}
{{- define "chart.ai" -}}
{{- $profile := .Values.userPreferences.aiAssistant -}}
{{- $given := .Values.ai.activeProvider -}}
{{- $own := dict
    "provider" ($given.provider | default $profile.provider)
    "apiBase" ($given.apiBase | default $profile.apiBase)
    "apiKey" ($given.apiKey | default $profile.apiKey)
    "selectedModel" ($given.selectedModel | default $profile.model) -}}
{{- $enabled := or .Values.ai.enabled $profile.enabled -}}
{{- dict "enabled" $enabled "activeProvider" (merge $own $given) "providers" .Values.ai.providers | toJson -}}
{{- end -}}

{{/* Whether there are language models: something, or nothing. */}}
{{- define "chart.hasModels" -}}
{{- if (include "chart.ai" . | fromJson).enabled -}}
true
{{- end -}}
{{- end -}}

{{/* The models of all providers as Continue lists them, as JSON; the one that is asked first leads. */}}
{{- define "chart.models" -}}
{{- $models := list -}}
{{- $ai := include "chart.ai" . | fromJson -}}
{{- range prepend $ai.providers $ai.activeProvider -}}
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
