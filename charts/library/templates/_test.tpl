{{/*
The pod of `helm test`: asks the service for `path` and wants an answer below 400. It needs no more
than bash in the image. In: root, image, port, path.
*/}}
{{- define "onyxia-library.test" -}}
{{- $name := include "onyxia-library.fullname" .root -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ $name }}-test
  labels:
    {{- include "onyxia-library.labels" .root | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext:
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: test
      image: {{ .image | quote }}
      securityContext:
        allowPrivilegeEscalation: false
        capabilities:
          drop:
            - ALL
      env:
        - name: SERVICE_HOST
          value: {{ $name | quote }}
        - name: SERVICE_PORT
          value: {{ .port | quote }}
        - name: SERVICE_PATH
          value: {{ .path | quote }}
      command:
        - bash
        - -euc
        - |
          exec 3<>"/dev/tcp/$SERVICE_HOST/$SERVICE_PORT"
          printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$SERVICE_PATH" "$SERVICE_HOST" >&3
          read -r _ status _ <&3
          echo "$SERVICE_PATH: $status"
          test "$status" -lt 400
{{- end -}}
