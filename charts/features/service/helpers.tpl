{{/* The image that runs, as the values name it. */}}
{{- define "chart.imageName" -}}
{{- $image := .Values.service.image.version -}}
{{- if .Values.service.image.custom.enabled -}}
{{- $image = .Values.service.image.custom.version -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{/* The digest of each image that the chart was packaged with, as JSON. */}}
{{- define "chart.packagedImages" -}}
{{- .Files.Get "images.json" | default "{}" -}}
{{- end -}}

{{/* The same with its digest, if it is one of those that the chart was packaged with. */}}
{{- define "chart.image" -}}
{{- $image := include "chart.imageName" . -}}
{{- $digest := get (include "chart.packagedImages" . | fromJson) $image -}}
{{- list $image $digest | compact | join "@" -}}
{{- end -}}

{{/* Whether it is none of those, so that its program may be another; a saved launch may name one. */}}
{{- define "chart.isOtherImage" -}}
{{- $packaged := include "chart.packagedImages" . | fromJson -}}
{{- if or .Values.service.image.custom.enabled (and $packaged (not (hasKey $packaged (include "chart.imageName" .)))) -}}
true
{{- end -}}
{{- end -}}

{{/* Whether the image may be one that runs as root and changes its user: somebody else's often does. */}}
{{- define "chart.mayBeRoot" -}}
{{- if and .Values.service.image.custom.enabled (not .Values.service.image.custom.restricted) -}}
true
{{- end -}}
{{- end -}}

{{/* What sudo needs in a container: no more than the baseline profile has. */}}
{{- define "chart.rootPrivileges" -}}
allowPrivilegeEscalation: true
capabilities:
  drop: [ALL]
  add: [AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETPCAP, SETUID, SYS_CHROOT]
{{- end -}}

{{/* The security context of the service: the restricted profile, and what the values change. */}}
{{- define "chart.privileges" -}}
{{- $sudo := get .Values.security "sudo" | default dict -}}
{{- $profile := ternary "chart.rootPrivileges" "onyxia-library.privileges" (get $sudo "enabled" | default false) -}}
{{- $profile = ternary "{}" (include $profile .) (eq (include "chart.mayBeRoot" .) "true") | fromYaml -}}
{{- $own := dict "readOnlyRootFilesystem" .Values.security.readOnlyRootFilesystem -}}
{{- toYaml (mergeOverwrite $profile $own (deepCopy .Values.securityContext)) -}}
{{- end -}}

{{/* That of a container which only prepares or tests: its root is read-only, whatever the service is. */}}
{{- define "chart.helperPrivileges" -}}
{{- $own := dict "readOnlyRootFilesystem" true -}}
{{- toYaml (mergeOverwrite (include "onyxia-library.privileges" . | fromYaml) (deepCopy .Values.securityContext) $own) -}}
{{- end -}}

{{/* A folder that is not kept. */}}
{{- define "chart.scratch" -}}
emptyDir:
  sizeLimit: {{ .Values.scratch.sizeLimit | quote }}
{{- end -}}

{{/* Whether the pod is given the token of its service account: only what asks the cluster uses it. */}}
{{- define "chart.usesToken" -}}
{{- $role := get .Values "kubernetes" | default dict -}}
{{- $spark := get .Values "spark" | default dict -}}
{{- if or (get $role "enabled") (get $spark "default") -}}
true
{{- else -}}
false
{{- end -}}
{{- end -}}
