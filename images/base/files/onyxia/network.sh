# shellcheck shell=bash
# How the outside is reached. Everything is told by the environment: no root, no file of the image.

readonly _onyxia_proxies=(HTTP_PROXY HTTPS_PROXY NO_PROXY)

# Programs differ in which case they read.
share_proxies() {
  local upper lower
  for upper in "${_onyxia_proxies[@]}"; do
    lower=${upper,,}
    if [[ -n ${!upper:-}${!lower:-} ]]; then
      [[ -n ${!lower:-} ]] || session_export "$lower" "${!upper}"
      [[ -n ${!upper:-} ]] || session_export "$upper" "${!lower}"
      note "$upper"
    fi
  done
  share_proxies_with_java
  [[ -n $_onyxia_why ]] || skip "HTTP_PROXY, HTTPS_PROXY and NO_PROXY are unset"
}

# Java is told by options alone. It knows no proxy over TLS, and none that wants a password.
share_proxies_with_java() {
  local kind name host hosts='' listed=() options=()
  for kind in http https; do
    name=${kind}_proxy
    [[ ${!name:-} =~ ^(http://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:([0-9]+))?/?$ ]] || continue
    options+=("-D$kind.proxyHost=${BASH_REMATCH[2]}" "-D$kind.proxyPort=${BASH_REMATCH[4]:-80}")
  done
  [[ ${#options[@]} -gt 0 ]] || return 0
  IFS=$', \t\n' read -r -d '' -a listed <<<"${NO_PROXY:-}"
  for host in "${listed[@]}"; do
    case $host in
      '*') hosts+='|*' ;;
      *[!A-Za-z0-9._-]*) ;; # it knows no networks
      *) hosts+="|${host#.}|*.${host#.}" ;;
    esac
  done
  tell_java "${options[@]}" "-Dhttp.nonProxyHosts=localhost|127.*|[::1]$hosts"
}

# tell_java OPTION…: every JVM takes the variable. What the user has in it comes last, and wins.
tell_java() {
  has_java || return 0
  session_export JAVA_TOOL_OPTIONS "$*${JAVA_TOOL_OPTIONS:+ $JAVA_TOOL_OPTIONS}"
}

has_java() {
  [[ -x ${JAVA_HOME:-}/bin/java ]] || command -v java >/dev/null
}

# By program: curl and R; OpenSSL, Python, uv and Go; requests; pip; git; Node and npm; AWS; conda;
# Julia; gRPC. R's own downloads read CURL_CA_BUNDLE too.
readonly _onyxia_bundles=(
  CURL_CA_BUNDLE SSL_CERT_FILE REQUESTS_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS
  npm_config_cafile AWS_CA_BUNDLE CONDA_SSL_VERIFY JULIA_SSL_CA_ROOTS_PATH
  GRPC_DEFAULT_SSL_ROOTS_FILE_PATH
)

trust_certificates() {
  local bundle=${PATH_TO_CA_BUNDLE:-} name
  [[ -n $bundle ]] || { skip "PATH_TO_CA_BUNDLE is unset"; return; }
  [[ ! -d $bundle ]] || bundle=${bundle%/}/ca-certificates.crt
  [[ -r $bundle ]] || { fail "$bundle cannot be read"; return; }
  grep --quiet -e '-----BEGIN .*CERTIFICATE-----' -- "$bundle" ||
    { fail "$bundle holds no certificate"; return; }
  for name in "${_onyxia_bundles[@]}"; do
    session_export "$name" "$bundle"
  done
  note "$bundle"
  trust_in_java "$bundle" || note "but Java does not know it: it could not be given a key store"
}

# Java reads a key store of its own.
trust_in_java() {
  local store=${ONYXIA_SESSION:-}/java/cacerts why=$_onyxia_why
  has_java || return 0
  if ! session_file java/cacerts < <(perl "${_onyxia_library:?}/java-trust.pl" <"$1" 2>/dev/null) ||
    [[ ! -s $store ]]; then
    _onyxia_why=$why
    return 1
  fi
  tell_java "-Djavax.net.ssl.trustStore=$store" -Djavax.net.ssl.trustStorePassword=changeit
}

# What a server may answer to the start of a session.
readonly _onyxia_most_bytes=1048576

# fetch FILE URL [OPTION…]: a request whose URL stands on stdin too, with headers, as configuration
# of curl, so that no secret is on a command line. TLS is always verified: a ~/.curlrc is not read.
# What goes without TLS to a server nearby goes through no proxy. The file grows to a little more
# than what a server may answer, so that this is seen.
fetch() {
  local file=$1 url=$2 near=()
  shift 2
  [[ $url == https:* ]] || ! is_private_way "$url" || near=(--noproxy '*')
  (
    trap '' XFSZ
    ulimit -S -f $((_onyxia_most_bytes / 1024 + 1))
    exec curl --disable --config - --silent --show-error --fail --globoff --proto '=http,https' \
      --connect-timeout 10 --max-time 60 --retry 2 --retry-delay 1 --output "$file" \
      ${near[@]+"${near[@]}"} "$@"
  )
}
