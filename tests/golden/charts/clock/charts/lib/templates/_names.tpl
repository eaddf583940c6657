{{- define "lib.name" -}}{{ .Values.nameOverride }}{{- end -}}
