{{/*
A slot is a list of names of templates. Each is given the root context and writes YAML that begins
in the first column, or nothing; a slot is what they write, one after the other.
*/}}

{{/* What fills a slot. In: root, slots, slot. */}}
{{- define "onyxia-library.slot" -}}
{{- $root := .root -}}
{{- $texts := list -}}
{{- range get .slots .slot | default list -}}
{{- $text := include . $root | trim -}}
{{- if $text -}}
{{- $texts = append $texts $text -}}
{{- end -}}
{{- end -}}
{{- join "\n" $texts -}}
{{- end -}}

{{/* A key with what fills a slot, or nothing. In: root, slots, slot, key. */}}
{{- define "onyxia-library.block" -}}
{{- $text := include "onyxia-library.slot" . -}}
{{- if $text -}}
{{ .key }}:
{{ $text | indent 2 }}
{{- end -}}
{{- end -}}

{{/* The same, with `more` below it. In: root, slots, slot, key, more. */}}
{{- define "onyxia-library.blockWith" -}}
{{- with without (list (include "onyxia-library.slot" .) .more) "" -}}
{{ $.key }}:
{{ join "\n" . | indent 2 }}
{{- end -}}
{{- end -}}

{{/* The entries of a mapping of strings that are not empty, quoted. In: the mapping. */}}
{{- define "onyxia-library.entries" -}}
{{- $lines := list -}}
{{- range $key, $value := . -}}
{{- if and (not (kindIs "invalid" $value)) (ne (toString $value) "") -}}
{{- $lines = append $lines (printf "%s: %s" (quote $key) (toString $value | quote)) -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}

{{/* The same as a list of environment variables. In: the mapping. */}}
{{- define "onyxia-library.variables" -}}
{{- $lines := list -}}
{{- range $key, $value := . -}}
{{- if and (not (kindIs "invalid" $value)) (ne (toString $value) "") -}}
{{- $lines = append $lines (printf "- name: %s\n  value: %s" (quote $key) (toString $value | replace "$(" "$$(" | quote)) -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}
