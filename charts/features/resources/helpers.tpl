{{/* A quantity of Kubernetes as a number; nothing where it is none. */}}
{{- define "chart.quantity" -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9]+([.][0-9]+)?" $text -}}
{{- $factors := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 -}}
{{- $unit := trimPrefix $number $text -}}
{{- if and $number (hasKey $factors $unit) -}}
{{- mulf (float64 $number) (get $factors $unit | float64) -}}
{{- end -}}
{{- end -}}

{{/* The resources. A pod that is to be sure of more than it may use is refused, so it is sure of that. */}}
{{- define "chart.resources" -}}
{{- $limits := get .Values.resources "limits" | default dict -}}
{{- $lower := dict -}}
{{- range $name, $request := get .Values.resources "requests" | default dict -}}
{{- $asked := include "chart.quantity" $request -}}
{{- $most := include "chart.quantity" (get $limits $name) -}}
{{- if and $asked $most (gt (float64 $asked) (float64 $most)) -}}
{{- $_ := set $lower $name (get $limits $name) -}}
{{- end -}}
{{- end -}}
{{- if $lower -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.resources) (dict "requests" $lower)) -}}
{{- else -}}
{{- toYaml .Values.resources -}}
{{- end -}}
{{- end -}}
