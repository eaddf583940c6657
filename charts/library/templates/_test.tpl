{{/*
A pod of `helm test`, which passes when its command does. In: root, image, env (YAML), command (a
list).
*/}}
{{- define "onyxia-library.testPod" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ printf "%s-test" (include "onyxia-library.fullname" .root) | quote }}
  labels:
    {{- include "onyxia-library.labels" .root | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext:
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: test
      image: {{ .image | quote }}
      securityContext:
        {{- include "onyxia-library.privileges" .root | nindent 8 }}
        readOnlyRootFilesystem: true
      resources:
        {{- include "onyxia-library.helperResources" .root | nindent 8 }}
      env:
        {{- .env | nindent 8 }}
      command:
        {{- toYaml .command | nindent 8 }}
{{- end -}}

{{/*
The test of a service that speaks HTTP: asks it for `path` and wants an answer below 400. It needs no
more than bash in the image. In: root, image, port, path.
*/}}
{{- define "onyxia-library.test" -}}
{{- include "onyxia-library.testPod" (dict
    "root" .root
    "image" .image
    "env" (include "onyxia-library.asked" .)
    "command" (list "bash" "-euc" (printf "%s\n" (include "onyxia-library.ask" .)))) -}}
{{- end -}}

{{- define "onyxia-library.asked" -}}
- name: SERVICE_HOST
  value: {{ include "onyxia-library.fullname" .root | quote }}
- name: SERVICE_PORT
  value: {{ .port | quote }}
- name: SERVICE_PATH
  value: {{ .path | quote }}
{{- end -}}

{{- define "onyxia-library.ask" -}}
exec 3<>"/dev/tcp/$SERVICE_HOST/$SERVICE_PORT"
printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$SERVICE_PATH" "$SERVICE_HOST" >&3
read -r _ status _ <&3
echo "$SERVICE_PATH: $status"
test "$status" -lt 400
{{- end -}}
