#!/bin/sh
# defaults.sh [LANGUAGE…]: what VS Code's settings are where the user has made none.
#
# They are those of a built-in extension, and so neither in the home directory, where a volume would
# hide them, nor above the user's own. Settings of extensions that are not installed wait for them.
# Its code opens the files that a start script named (opener.js, beside this file).
set -eu

folder=/opt/code-server/lib/vscode/extensions/session-defaults
mkdir "$folder"
settings='{
  "chat.disableAIFeatures": true,
  "terminal.integrated.defaultProfile.linux": "bash",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none"
}'
for language in "$@"; do
  case $language in
    python) set -- python.defaultInterpreterPath python ;;
    r) set -- r.rpath.linux R ;;
    julia) set -- julia.executablePath julia ;;
    *) echo "defaults.sh: unknown language $language" >&2; exit 1 ;;
  esac
  path=$(command -v "$2")
  settings=$(printf %s "$settings" | jq --arg key "$1" --arg path "$path" '. + {($key): $path}')
done
printf %s "$settings" | jq '{
  name: "session-defaults", displayName: "Defaults of this session", publisher: "onyxia",
  version: "1.0.0", engines: {vscode: "*"}, categories: ["Other"],
  main: "./opener.js", activationEvents: ["onStartupFinished"], extensionKind: ["workspace"],
  capabilities: {untrustedWorkspaces: {supported: true}, virtualWorkspaces: false},
  contributes: {configurationDefaults: .}
}' > "$folder/package.json"
cp "$(dirname "$0")/opener.js" "$folder/opener.js"
chmod 0644 "$folder/package.json" "$folder/opener.js"
