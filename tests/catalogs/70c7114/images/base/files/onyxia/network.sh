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
  [[ -n $_onyxia_why ]] || skip "HTTP_PROXY, HTTPS_PROXY and NO_PROXY are unset"
}

# By program: curl and R; OpenSSL, Python, uv and Go; requests; pip; git; Node and npm; AWS; conda;
# Julia. R's own downloads read CURL_CA_BUNDLE too.
readonly _onyxia_bundles=(
  CURL_CA_BUNDLE SSL_CERT_FILE REQUESTS_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS
  npm_config_cafile AWS_CA_BUNDLE CONDA_SSL_VERIFY JULIA_SSL_CA_ROOTS_PATH
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
}

# fetch FILE [OPTION…]: a request whose URL and headers stand on stdin as configuration of curl, so
# that no secret is on a command line. TLS is always verified: a ~/.curlrc is not read.
fetch() {
  local file=$1
  shift
  curl --disable --config - --silent --show-error --fail --globoff --proto '=http,https' \
    --connect-timeout 10 --max-time 60 --retry 2 --retry-delay 1 --output "$file" "$@"
}
