{{/* The ports that the user opens, as JSON: {"ports": [...]}. */}}
{{- define "chart.userPorts" -}}
{{- $ports := list -}}
{{- if .Values.networking.user.enabled -}}
{{- range .Values.networking.user.ports | default (list .Values.networking.user.port) -}}
{{- if ne (int .) (int $.Values.networking.service.port) -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "ports" (uniq $ports) | toJson -}}
{{- end -}}

{{/* The host of one of several ports: its number is added to the first label. In: host, port, ports. */}}
{{- define "chart.userHost" -}}
{{- if eq (len .ports) 1 -}}
{{- .host -}}
{{- else -}}
{{- $labels := splitn "." 2 .host -}}
{{- printf "%s-%d%s" $labels._0 (int .port) (ternary (printf ".%s" $labels._1) "" (ne (default "" $labels._1) "")) -}}
{{- end -}}
{{- end -}}
