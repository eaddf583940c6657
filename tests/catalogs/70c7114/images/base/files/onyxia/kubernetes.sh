# shellcheck shell=bash
# Who the session is to Kubernetes. kubectl and helm find the rest by themselves.

readonly _onyxia_account=${ONYXIA_SERVICE_ACCOUNT_DIR:-/var/run/secrets/kubernetes.io/serviceaccount}

# What the chart says is believed; else the token that Kubernetes mounts says it.
name_service_account() {
  local account namespace
  if [[ ! -r $_onyxia_account/token && -z ${KUBERNETES_NAMESPACE:-}${KUBERNETES_SERVICE_ACCOUNT:-} ]]; then
    skip "there is no service account"
    return
  fi
  namespace=${KUBERNETES_NAMESPACE:-$(cat -- "$_onyxia_account/namespace" 2>/dev/null)}
  account=${KUBERNETES_SERVICE_ACCOUNT:-$(account_of_token)}
  [[ -n $namespace ]] || { fail "the service account has no namespace"; return; }
  session_export KUBERNETES_NAMESPACE "$namespace"
  [[ -n $account ]] || { fail "the service account's token does not name it"; return; }
  session_export KUBERNETES_SERVICE_ACCOUNT "$account"
  note "$namespace/$account"
}

# The middle part of a JSON web token is JSON in base64, with the alphabet of URLs.
account_of_token() {
  [[ -r $_onyxia_account/token ]] || return 0
  jq --raw-input --raw-output '
    split(".")[1] // "" | gsub("-"; "+") | gsub("_"; "/")
    | . + "=" * ((4 - length % 4) % 4) | @base64d | fromjson
    | .["kubernetes.io"].serviceaccount.name // (.sub // "" | split(":")[3]) // ""
  ' <"$_onyxia_account/token" 2>/dev/null
}
