# shellcheck shell=bash
# One value, written so that a format reads exactly that value. Each prints its result.
# JSON and YAML are written by jq; what R reads is separated by NUL, and needs no quotes.

# Any POSIX shell: everything between single quotes stands for itself, but the quote.
quote_shell() {
  local quote="'\\''"
  printf "'%s'" "${1//\'/"$quote"}"
}

# SQL: everything stands for itself, but the quote.
quote_sql() {
  printf "'%s'" "${1//\'/\'\'}"
}

# A configuration file of curl.
quote_curl() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\r'/\\r}
  printf '"%s"' "${text//$'\t'/\\t}"
}

# The value of a Java property (spark-defaults.conf).
quote_property() {
  local text=${1//\\/\\\\}
  text=${text//$'\n'/\\n}
  text=${text//$'\r'/\\r}
  text=${text//$'\t'/\\t}
  [[ $text != " "* ]] || text=\\$text
  printf '%s' "$text"
}

# The path of a URL: each part is escaped, empty ones are dropped, the slashes stay.
quote_path() {
  jq --null-input --raw-output --arg path "$1" \
    '$path | split("/") | map(select(. != "") | @uri) | join("/")'
}

# `%41` and the like. What is no escape stays as it is, and so does NUL, which no variable holds.
url_decode() {
  local escaped=${1//\\/\\\\}
  if [[ $escaped == *%* ]]; then
    escaped=$(printf '%s' "$escaped" |
      sed --null-data -E 's/%(0[1-9A-Fa-f]|[1-9A-Fa-f][0-9A-Fa-f])/\\x\1/g')
  fi
  printf '%b' "$escaped"
}
