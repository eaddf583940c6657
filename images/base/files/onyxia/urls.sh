# shellcheck shell=bash
# Which server a URL names, and whether what is sent there can be read on its way.

# parse_url URL: leaves scheme, userinfo, host, port and the rest in _onyxia_url_…; fails where it
# has no `scheme://`. The host is decoded, in small letters and without a dot at its end. The parts
# are where git and curl see them: the authority ends at the first of `/?#`, a user at its last `@`.
parse_url() {
  local authority
  [[ $1 =~ ^([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)$ ]] || return 1
  _onyxia_url_scheme=${BASH_REMATCH[1],,} authority=${BASH_REMATCH[2]}
  _onyxia_url_rest=${BASH_REMATCH[3]} _onyxia_url_userinfo='' _onyxia_url_port=''
  if [[ $authority == *@* ]]; then
    _onyxia_url_userinfo=${authority%@*} authority=${authority##*@}
  fi
  _onyxia_url_authority=$authority
  if [[ $authority =~ ^(.*):([0-9]*)$ ]]; then
    authority=${BASH_REMATCH[1]} _onyxia_url_port=${BASH_REMATCH[2]}
  fi
  _onyxia_url_host=$(url_decode "$authority")
  _onyxia_url_host=${_onyxia_url_host,,}
  _onyxia_url_host=${_onyxia_url_host%.}
}

# Whether the host that parse_url found is written as every program reads it. Names of other
# alphabets count where they are written in ASCII (`xn--…`).
host_is_plain() {
  [[ $_onyxia_url_host =~ ^[a-z0-9_-]+(\.[a-z0-9_-]+)*$ || $_onyxia_url_host =~ ^\[[0-9a-f:.]+\]$ ]]
}

# The address that parse_url took apart, without a user: all programs read the same host in it.
plain_address() {
  local authority=$_onyxia_url_authority port=$_onyxia_url_port
  if host_is_plain; then
    case $_onyxia_url_scheme:$port in
      https:443 | http:80) port='' ;;
    esac
    authority=$_onyxia_url_host${port:+:$port}
  fi
  printf '%s://%s%s' "$_onyxia_url_scheme" "$authority" "$_onyxia_url_rest"
}

# The port that is asked.
url_port() {
  local port=443
  [[ $_onyxia_url_scheme == https ]] || port=80
  printf '%s' "${_onyxia_url_port:-$port}"
}

is_loopback() {
  [[ $1 =~ ^127(\.[0-9]{1,3}){3}$ || $1 == localhost || $1 == '[::1]' ]]
}

# A service of the same cluster: such a name means nothing outside of it.
is_in_cluster() {
  [[ $1 =~ ^[a-z][a-z0-9-]*$ || $1 =~ ^[a-z0-9.-]+\.svc(\.cluster\.local)?$ ]]
}

# Whether what is asked of the URL, and what is answered, stays between the two: TLS, or a server
# that needs none because it is in the same pod or cluster.
is_private_way() {
  parse_url "$1" && host_is_plain && [[ $_onyxia_url_authority != *%* ]] || return
  case $_onyxia_url_scheme in
    https) true ;;
    http) is_loopback "$_onyxia_url_host" || is_in_cluster "$_onyxia_url_host" ;;
    *) false ;;
  esac
}

# without_user TEXT: an address with or without a scheme, without `user:password@`.
without_user() {
  local authority=${1#*://} scheme=''
  [[ $1 != *://* ]] || scheme=${1%%://*}://
  authority=${authority%%[/?#]*}
  printf '%s' "$scheme${authority##*@}${1#"$scheme$authority"}"
}
