{{/*
Values as they were given, put in order once for all templates. A block that is null or left empty
is as it is described; a value that stands where it was before is put in its place; what is not used
is kept for the notes.
*/}}
{{- define "desk.given" -}}
{{- if not (hasKey . "unusedValues") -}}
{{- $known := .Files.Get "values.json" | fromJson -}}
{{- $values := get . "Values" -}}
{{- $unused := dict -}}
{{- $_ := set . "unusedValues" $unused -}}
{{- include "desk.given.filled" (dict
    "values" $values "known" $known.values "whole" $known.whole "path" "" "isNew" false) -}}
{{- range $known.former -}}
{{- include "desk.given.moved" (dict "values" $values "move" . "unused" $unused) -}}
{{- end -}}
{{- $others := dict -}}
{{- range $key, $value := $values -}}
{{- if not (has $key $known.apart) -}}
{{- $_ := set $others $key $value -}}
{{- end -}}
{{- end -}}
{{- include "desk.given.unknown" (dict
    "values" $others "known" $known.values "path" "" "reason" ""
    "about" $known "unused" $unused) -}}
{{- end -}}
{{- end -}}

{{/* Fills what is null. In: values, known, whole, path, isNew (the block itself was null). */}}
{{- define "desk.given.filled" -}}
{{- $here := . -}}
{{- range $key, $about := .known -}}
{{- $path := list $here.path $key | compact | join "." -}}
{{- $isNull := or (not (hasKey $here.values $key)) (kindIs "invalid" (get $here.values $key)) -}}
{{- if kindIs "slice" $about -}}
{{- if $isNull -}}
{{- $_ := set $here.values $key (ternary (first $about) (last $about) $here.isNew) -}}
{{- end -}}
{{- else -}}
{{- if $isNull -}}
{{- $_ := set $here.values $key (dict) -}}
{{- end -}}
{{- if and (kindIs "map" (get $here.values $key)) (not (has $path $here.whole)) -}}
{{- include "desk.given.filled" (dict
    "values" (get $here.values $key) "known" $about "whole" $here.whole "path" $path
    "isNew" (or $here.isNew $isNull)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Puts a value where it is now. In: values, unused, move (from, to, default, isFill). */}}
{{- define "desk.given.moved" -}}
{{- $old := .values -}}
{{- range initial .move.from -}}
{{- $below := get $old . -}}
{{- $old = dict -}}
{{- if kindIs "map" $below -}}
{{- $old = $below -}}
{{- end -}}
{{- end -}}
{{- $new := .values -}}
{{- range initial .move.to -}}
{{- $new = get $new . -}}
{{- end -}}
{{- $name := last .move.from -}}
{{- $given := get $old $name -}}
{{- $_ := unset $old $name -}}
{{- if and (not (kindIs "invalid" $given)) (ne (toString $given) "") (kindIs "map" $new) -}}
{{- $present := get $new (last .move.to) -}}
{{- if eq (toJson $present) (toJson .move.default) -}}
{{- $_ := set $new (last .move.to) $given -}}
{{- else if and (not .move.isFill) (ne (toJson $present) (toJson $given)) -}}
{{- $_ := set .unused (join "." .move.from) (printf "`%s` is set" (join "." .move.to)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Finds what is not read. In: values, known, path, reason, about (values.json), unused. */}}
{{- define "desk.given.unknown" -}}
{{- $here := . -}}
{{- range $key, $value := .values -}}
{{- $path := list $here.path $key | compact | join "." -}}
{{- $about := get $here.known $key -}}
{{- if hasKey $here.known $key -}}
{{- if and (kindIs "map" $about) (kindIs "map" $value) (not (has $path $here.about.whole)) -}}
{{- include "desk.given.unknown" (dict
    "values" $value "known" $about "path" $path "reason" ""
    "about" $here.about "unused" $here.unused) -}}
{{- end -}}
{{- else -}}
{{- $reason := get $here.about.ignored $path | default $here.reason -}}
{{- if kindIs "map" $value -}}
{{- include "desk.given.unknown" (dict
    "values" $value "known" (dict) "path" $path "reason" $reason
    "about" $here.about "unused" $here.unused) -}}
{{- else if or $value (and (not $reason) (has (kindOf $value) (list "bool" "float64" "int64"))) -}}
{{- $_ := set $here.unused (regexReplaceAll "[^A-Za-z0-9_.%-]" $path "?" | trunc 200) $reason -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
