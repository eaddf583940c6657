"""The scripts of the containers of Argo's pods. What differs comes by the environment.

A value of a plan or of a setting is never a part of a script: it could add commands to it.
"""

from __future__ import annotations

ENVIRONMENT = {
    "HOME": "/work/home",
    "XDG_RUNTIME_DIR": "/work/run",
    "GIT_TERMINAL_PROMPT": "0",
    "REPOSITORY": "{{workflow.parameters.repository}}",
    "BRANCH": "{{workflow.parameters.branch}}",
    "BUILDER_REGISTRIES": "{{workflow.parameters.registry}}",
    # A recipe that the lock does not fit costs its own images, not the week.
    "BUILDER_BLOCK_UNLOCKED": "1",
    # What another run handed over is refused.
    "BUILDER_RUN": "{{workflow.uid}}",
}
"""What every container gets."""
CHECKED_OUT = {
    "COMMIT": "{{workflow.outputs.parameters.commit}}",
    "BUILDER_TODAY": "{{workflow.outputs.parameters.today}}",
}
"""What a container gets that works on the locked catalog, on the day of the week."""

_FILES = """\
mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
if [ -f /login/.dockerconfigjson ]; then
  export REGISTRY_AUTH_FILE=/login/.dockerconfigjson
fi
"""
_CHECKOUT = """\
git init --quiet /work/catalog
cd /work/catalog
git fetch --quiet --depth 1 -- "$REPOSITORY" "$COMMIT"
git checkout --quiet FETCH_HEAD
"""

_CLONE = """\
git clone --quiet --depth 1 --branch "$BRANCH" -- "$REPOSITORY" /work/catalog
cd /work/catalog
git rev-parse HEAD > /shared/commit
"""
_NETRC = """\
if [ -f /login/netrc ]; then
  cp /login/netrc "$HOME/.netrc"
fi
"""
_COMMIT = """\
COMMIT="$(head --bytes 40 /shared/commit)"
[[ "$COMMIT" =~ ^[0-9a-f]{40}$ ]]
"""
AUTHOR = "catalog builder"
"""Who has written the branches that the next run may replace."""

LOCK = f"""\
{_FILES}{_CLONE}date --utc +%F > /shared/today
# The same day for every pod: the name of a release must not change at midnight.
BUILDER_TODAY="$(cat /shared/today)"
export BUILDER_TODAY
# What is gone keeps what is locked: it makes the week red at its end, and stops no other.
locked=true
builder lock --upgrade --reachable || locked=false
echo "$locked" > /shared/locked
cp matrix.lock /shared/matrix.lock
"""
"""Resolves versions and packages: it runs programs on what others wrote."""

BRANCH = f"""\
{_FILES}{_NETRC}{_COMMIT}today="$(head --bytes 10 /shared/today)"
[[ "$today" =~ ^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$ ]]
locked=false
if [ "$(head --bytes 5 /shared/locked)" = true ]; then
  locked=true
fi
{_CHECKOUT}head --bytes 67108864 /shared/matrix.lock > matrix.lock
if ! git diff --quiet; then
  git config user.name "{AUTHOR}"
  git config user.email "catalog-builder@localhost"
  git commit --quiet --message "Lock of $today" -- matrix.lock
  git push --quiet --force -- "$REPOSITORY" HEAD:refs/heads/weekly-lock
fi
git rev-parse HEAD > /out/commit
echo "$today" > /out/today
echo "$locked" > /out/locked
"""
"""Pushes the lock as a branch, and nothing else that the other container wrote."""

PLAN = f"""\
{_FILES}{_CHECKOUT}manifests=true
builder workflows --system argo --check || manifests=false
echo "$manifests" > /out/manifests
builder plan
builder plan --format argo > /work/parameters
while IFS='=' read -r name value; do
  [[ "$name" =~ ^[A-Za-z0-9-]+$ && "$value" =~ ^[A-Za-z0-9]+$ ]]
  printf '%s' "$value" > "/out/$name"
done < /work/parameters
"""

STEP = f"""\
{_FILES}{_CHECKOUT}builder step "$STEP" --export /shared/handover --jobs 1
"""

CHART = f"""\
{_FILES}export BUILDER_CHART_TESTS=none
if [ -f /cluster/config ]; then
  export BUILDER_CHART_TESTS=cluster KUBECONFIG=/cluster/config
fi
{_CHECKOUT}builder step "$STEP" --export /shared/handover --jobs 1
"""
"""Tries a chart in the cluster of a kubeconfig; without one it is rendered and checked alone."""

PUSH = f"""\
{_FILES}{_CHECKOUT}builder push /shared/handover "$STEP"
"""
"""Verifies what was handed over, and pushes it; it builds, tests and runs nothing."""

RELEASE = f"""\
{_FILES}{_CHECKOUT}builder step release
"""

COMPARE = f"""\
{_FILES}{_CLONE}builder upstream diff --format markdown
# What conflicts is settled by a person, on the branch.
builder upstream update || builder upstream update --only-pin
cp matrix.lock /shared/matrix.lock
"""
"""Looks for something new in the catalogs below, and moves the pin."""

FOLLOW = f"""\
{_FILES}{_NETRC}{_COMMIT}{_CHECKOUT}head --bytes 67108864 /shared/matrix.lock > matrix.lock
if git diff --quiet; then
  echo "The catalogs below have nothing new."
  exit 0
fi
if git fetch --quiet --depth 1 -- "$REPOSITORY" refs/heads/upstream; then
  if [ "$(git log --max-count 1 --format=%an FETCH_HEAD)" != "{AUTHOR}" ]; then
    echo "Somebody works on the branch upstream: it stays as it is."
    exit 0
  fi
fi
git config user.name "{AUTHOR}"
git config user.email "catalog-builder@localhost"
git commit --quiet --message "Newer catalogs below" -- matrix.lock
git push --quiet --force -- "$REPOSITORY" HEAD:refs/heads/upstream
"""
"""Pushes the moved pin as a branch, unless somebody works on it."""

VERDICT = """\
# All that is not true is said.
code=0
if [ "$LOCKED" != true ]; then
  echo "something could not be locked, and keeps what was: see the log of the task lock"
  code=1
fi
if [ "$MANIFESTS" != true ]; then
  echo "the manifests are not those of this catalog: builder workflows --system argo"
  code=1
fi
exit "$code"
"""

END = """\
if [ "$STATUS" = Succeeded ]; then
  exit 0
fi
text="The weekly run $WORKFLOW did not go well ($STATUS)."
text="$text What failed keeps what the last release had."
printf '%s\\n%s\\n' "$text" "$FAILURES"
# The address is a webhook that takes {"text": …}, as of Mattermost, Slack and others.
if [ -f /login/url ]; then
  python3 - "$(cat /login/url)" "$text" <<'EOF'
import json, sys, urllib.request
data = json.dumps({"text": sys.argv[2]}).encode()
request = urllib.request.Request(sys.argv[1], data, {"Content-Type": "application/json"})
urllib.request.urlopen(request, timeout=60)
EOF
fi
"""
"""Tells people about a red week."""
