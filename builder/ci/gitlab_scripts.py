"""The scripts of GitLab's jobs. What differs comes by the environment.

A job checks the catalog out by itself, beside the folder in which the runner puts what other jobs
kept: what a job that ran code of others kept is read as data, and stands in no checkout.
"""

from __future__ import annotations

AUTHOR = "catalog builder"
"""Who has written the branches that the next run may replace."""
TOOLS = "ca-certificates git make python3-venv"

_BEGIN = f"""\
set -euo pipefail
place="$CI_PROJECT_DIR"
catalog="$CI_PROJECT_DIR.catalog"
for tool in git make python3; do
  if ! command -v "$tool" > /dev/null; then
    apt-get update
    apt-get install --yes --no-install-recommends {TOOLS}
  fi
done
check_out() {{
  rm -rf "$1"
  git init --quiet "$1"
  git -C "$1" fetch --quiet --depth 1 "$CI_REPOSITORY_URL" "$2"
  git -C "$1" checkout --quiet FETCH_HEAD
  rm "$1/.git/FETCH_HEAD"
}}
login() {{
  if [ -z "$2" ]; then
    echo "There is no password for $CATALOG_REGISTRY: it is used without a login."
    return 0
  fi
  mkdir -p "$HOME/.docker"
  printf '%s' "$2" | skopeo login --authfile "$HOME/.docker/config.json" \\
    --username "$1" --password-stdin "${{CATALOG_REGISTRY%%/*}}"
}}
check_out "$catalog" "$CI_COMMIT_SHA"
"""
_WEEK = """\
export BUILDER_REGISTRIES="$CATALOG_REGISTRY"
# A recipe that the lock does not fit costs its own images, not the week.
export BUILDER_BLOCK_UNLOCKED=1
# What another run handed over is refused.
export BUILDER_RUN="${PARENT_PIPELINE_ID:-$CI_PIPELINE_ID}"
# The same day for every job: the name of a release must not change at midnight.
started="${CATALOG_STARTED:-$CI_PIPELINE_CREATED_AT}"
export BUILDER_TODAY="${started%%T*}"
"""
_OWN = """\
cd "$catalog"
make setup
"""
_FOLLOWING = """\
cd "$catalog"
# A copy counts only where its content is the one that matrix.lock pins: a cache is not trusted.
if [ -d "$place/.cache/upstreams" ]; then
  mkdir -p build
  cp -R "$place/.cache/upstreams" build/upstreams
fi
if ! grep --quiet '^[^#]' requirements.txt; then
  echo "say in requirements.txt where pip gets the builder"
  exit 2
fi
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
.venv/bin/builder doctor --install
"""
# Code of others runs here.
_PIP = """\
export PIP_CACHE_DIR="$place/.cache/pip"
"""
_DROP = """\
# What the system gives to every job is taken away before code of others runs.
for name in $(compgen -e); do
  case "$name" in
    CI_* | *TOKEN* | *PASSWORD* | *SECRET* | DOCKER_AUTH_CONFIG) unset "$name" ;;
  esac
done
"""
_READ = """\
login "${CATALOG_READ_USER:-}" "${CATALOG_READ_PASSWORD:-}"
"""
_WRITE = """\
if [ -n "${CATALOG_PASSWORD:-}" ]; then
  login "${CATALOG_USER:-}" "$CATALOG_PASSWORD"
elif [[ -n "${CI_REGISTRY:-}" && "$CATALOG_REGISTRY" == "$CI_REGISTRY/"* ]]; then
  login "$CI_REGISTRY_USER" "$CI_REGISTRY_PASSWORD"
else
  login "" ""
fi
"""
_TAKE = """\
take() {
  if [ -L "$place/$1" ] || ! [ -f "$place/$2" ] || [ -L "$place/$2" ]; then
    echo "there is no file $2 of the job before" >&2
    exit 1
  fi
  head --bytes 67108864 "$place/$2"
}
"""
_LOCKED = f"""\
{_TAKE}take plan plan/matrix.lock > matrix.lock
"""
_LOGS = """\
if [ -d build/logs ]; then
  cp -R build/logs "$place/logs"
fi
exit "$code"
"""
_GIT = f"""\
git config user.name "{AUTHOR}"
git config user.email "catalog-builder@localhost"
# The token comes to git from the environment, not as an argument.
export GIT_USER=oauth2 GIT_PASSWORD="${{CATALOG_GIT_TOKEN:-}}"
if [ -z "$GIT_PASSWORD" ]; then
  GIT_USER=gitlab-ci-token GIT_PASSWORD="$CI_JOB_TOKEN"
fi
git config credential.helper \
  '!f() {{ echo "username=$GIT_USER"; echo "password=$GIT_PASSWORD"; }}; f'
offer() {{
  git push --quiet --force \\
    --push-option merge_request.create \\
    --push-option "merge_request.target=$CI_DEFAULT_BRANCH" \\
    --push-option merge_request.remove_source_branch \\
    --push-option "merge_request.title=$2" \\
    "${{@:3}}" "$CI_PROJECT_URL.git" "HEAD:refs/heads/$1"
}}
"""


def scripts(*, follows: bool) -> dict[str, str]:
    """Return the scripts by the name of the job; `follows` is for a catalog on others."""
    setup = _FOLLOWING if follows else _OWN
    own = f"{_BEGIN}{_WEEK}{setup}"
    week = f"{_BEGIN}{_WEEK}{_PIP}{setup}"
    return {
        "lock": f"{week}{_READ}{_DROP}{_LOCK}",
        "plan": f"{own}{_READ}{_TAKE}{_PLAN}",
        "build": f"{week}{_READ}{_LOCKED}{_DROP}{_BUILD}",
        "publish": f"{own}{_LOCKED}{_WRITE}{_PUBLISH}",
        "release": f"{own}{_LOCKED}{_WRITE}{_RELEASE}",
        "packages": PACKAGES,
        "offer lock": f"{_BEGIN}{_OFFER_LOCK}",
        "verdict": VERDICT,
        "check": f"{_BEGIN}{_PIP}{_BEFORE}{setup}{_DROP}{_CHECK}",
        "build changed": f"{_BEGIN}{_PIP}{_BEFORE}{setup}{_DROP}{_CHANGED}",
        "compare": f"{week}{_READ}{_BEFORE_COMMIT}{_COMPARE}",
        "offer upstream": f"{_BEGIN}{_TAKE}{_OFFER_UPSTREAM}",
    }


_LOCK = """\
mkdir -p "$place/lock"
# What is gone keeps what is locked: it makes the week red at its end, and stops no other.
locked=true
.venv/bin/builder lock --upgrade --reachable || locked=false
if [ -f .ci/requirements.txt ]; then
  make requirements || locked=false
  cp .ci/requirements*.txt "$place/lock/"
fi
echo "$locked" > "$place/lock/locked"
cp matrix.lock "$place/lock/matrix.lock"
"""
_PLAN = """\
mkdir -p "$place/plan"
take lock lock/matrix.lock > matrix.lock
locked=false
if [ "$(take lock lock/locked | head --bytes 5)" = true ]; then
  locked=true
fi
files=true
.venv/bin/builder workflows --system gitlab --check || files=false
.venv/bin/builder plan
.venv/bin/builder plan --format gitlab > "$place/plan/week.yml"
if ! [ -s "$place/plan/week.yml" ]; then
  echo 'nothing: {extends: .nothing}' > "$place/plan/week.yml"
fi
cp matrix.lock "$place/plan/matrix.lock"
for file in .ci/requirements*.txt; do
  if [ -f "$file" ]; then
    take lock "lock/${file##*/}" > "$place/plan/${file##*/}"
  fi
done
echo "$locked" > "$place/plan/locked"
echo "$files" > "$place/plan/files"
"""
_BUILD = (
    """\
read -r -a ids <<< "$STEPS"
code=0
.venv/bin/builder step "${ids[@]}" --export "$place/handover" || code=$?
"""
    + _LOGS
)
_PUBLISH = """\
read -r -a ids <<< "$STEPS"
mkdir -p "$place/handover"
.venv/bin/builder push "$place/handover" "${ids[@]}"
"""
_RELEASE = """\
.venv/bin/builder step release
if [ -d build/charts ]; then
  cp -R build/charts "$place/charts"
fi
"""
PACKAGES = """\
set -euo pipefail
url="$CI_API_V4_URL/projects/$CI_PROJECT_ID/packages/helm"
ask() {
  printf 'user = "gitlab-ci-token:%s"\\n' "$CI_JOB_TOKEN" |
    curl --config - --fail --silent --show-error "$@"
}
if ! command -v curl > /dev/null; then
  apt-get update
  apt-get install --yes --no-install-recommends ca-certificates curl
fi
ask "$url/$CATALOG_PACKAGES/index.yaml" > index.yaml || : > index.yaml
for file in "$CI_PROJECT_DIR"/charts/*.tgz; do
  # A version that is there stays: a package of the same name would hide it.
  if [ -f "$file" ] && ! grep --quiet --fixed-strings "/${file##*/}" index.yaml; then
    ask --form "chart=@$file" "$url/api/$CATALOG_PACKAGES/charts"
    echo "${file##*/}"
  fi
done
"""
"""Puts the packages of charts into GitLab's package registry."""
_OFFER_LOCK = f"""\
cd "$catalog"
{_TAKE}take plan plan/matrix.lock > matrix.lock
for file in .ci/requirements*.txt; do
  if [ -f "$file" ]; then
    take plan "plan/${{file##*/}}" > "$file"
  fi
done
if git diff --quiet; then
  echo "The lock has not changed."
  exit 0
fi
today="${{CI_PIPELINE_CREATED_AT%%T*}}"
text="What the weekly run built from: bases and lines as they were on $today."
if [ "$(take plan plan/files | head --bytes 5)" != true ]; then
  text="$text Run builder workflows --system gitlab on this branch, and commit what it writes."
fi
{_GIT}git commit --quiet --all --message "Lock of $today"
offer weekly-lock "Lock of $today" --push-option "merge_request.description=$text"
"""
VERDICT = """\
set -euo pipefail
code=0
if [ "$(head --bytes 5 "$CI_PROJECT_DIR/plan/locked")" != true ]; then
  echo "something could not be locked, and keeps what was: see the log of the job lock"
  code=1
fi
exit "$code"
"""
_BEFORE = """\
export BUILDER_REGISTRIES=embedded
check_out "$catalog.before" "$CI_MERGE_REQUEST_DIFF_BASE_SHA"
"""
_CHECK = """\
mkdir -p build "$place/plan"
mv "$catalog.before" build/before
.venv/bin/builder workflows --system gitlab --check
export BUILDER_PUBLISHED="${CATALOG_REGISTRY:-}" # to read what charts there are
BUILDER_BLOCK_UNLOCKED=1 .venv/bin/builder plan --since build/before --offline \\
  --format markdown > "$place/plan/plan.md"
cat "$place/plan/plan.md"
if cmp --silent matrix.lock build/before/matrix.lock; then
  .venv/bin/builder lock --check
else
  .venv/bin/builder lock --check --online
fi
"""
_CHANGED = (
    """\
mkdir -p build
mv "$catalog.before" build/before
code=0
.venv/bin/builder build --since build/before --export "$place/oci" || code=$?
"""
    + _LOGS
)
_BEFORE_COMMIT = """\
check_out build/before "$CI_COMMIT_SHA"
"""
_COMPARE = f"""\
{_DROP}mkdir -p "$place/upstream"
.venv/bin/builder upstream diff --format json > "$place/upstream/diff.json"
.venv/bin/builder upstream diff --format markdown > "$place/upstream/body.md"
cat "$place/upstream/body.md"
# What conflicts is settled by a person, on the branch of the merge request.
.venv/bin/builder upstream update || .venv/bin/builder upstream update --only-pin
.venv/bin/builder plan --since build/before --format markdown || true
cp matrix.lock "$place/upstream/matrix.lock"
"""
_OFFER_UPSTREAM = f"""\
cd "$catalog"
take upstream upstream/matrix.lock > matrix.lock
if git diff --quiet; then
  echo "The catalogs below have nothing new."
  exit 0
fi
{_GIT}if git fetch --quiet --depth 1 "$CI_PROJECT_URL.git" refs/heads/upstream; then
  if [ "$(git log --max-count 1 --format=%an FETCH_HEAD)" != "{AUTHOR}" ]; then
    echo "Somebody works on the branch upstream: it stays as it is."
    exit 0
  fi
fi
title="$(take upstream upstream/diff.json | python3 -c '
import json, re, sys
below = json.load(sys.stdin)["below"]
text = ", ".join("{{name}} {{old}} → {{new}}".format(**one) for one in below)
print("upstream " + re.sub(r"[^ -~→]", "", text)[:200])')"
git commit --quiet --all --message "$title"
options=()
# Where nobody needs to look, it is merged once its checks are green.
if [ "$CATALOG_AUTOMERGE" = true ] && take upstream upstream/diff.json |
  python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["clean"] is not True)'; then
  options=(--push-option merge_request.merge_when_pipeline_succeeds)
fi
text="\\`builder upstream diff\\` has more."
offer upstream "$title" --push-option "merge_request.description=$text" "${{options[@]}}"
"""
