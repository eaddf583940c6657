{{/*
The first words of a command that runs one of several: after them come the commands, with ";" between
them, and the first whose program the image has is run. In: the environment variable in which that
program takes the password, "stdin" if it reads the password there, or "".
*/}}
{{- define "onyxia-library.startFirst" -}}
- sh
- -c
- |
  # startFirst COMMAND… ";" COMMAND…: run the first whose program is there.
  found= next=program
  for word do
    if [ "$word" = ";" ]; then
      [ -z "$found" ] || break
      next=program
    elif [ "$next" = program ]; then
      next=
      command -v "$word" >/dev/null 2>&1 || continue
      found=$word
      set -- "$word"
    elif [ -n "$found" ]; then
      set -- "$@" "$word"
    fi
  done
  if [ -z "$found" ]; then
    echo "This image has none of the programs that start the service: $*" >&2
    exit 127
  fi
  {{- if eq . "stdin" }}
  exec "$@" <<END
  $PASSWORD
  END
  {{- else }}
  {{- with . }}
  export {{ . }}="$PASSWORD"
  {{- end }}
  exec "$@"
  {{- end }}
- startFirst
{{- end -}}
