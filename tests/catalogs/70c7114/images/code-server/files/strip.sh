#!/bin/sh
# Leaves out what no session needs: two thirds of the files' size.
set -eu

cd /opt/code-server
case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "strip.sh: no code-server for $(uname -m)" >&2; exit 1 ;;
esac
vscode=lib/vscode/node_modules

# GitHub's Copilot and what it runs are for one company's paid service, and weigh as much as all
# the rest. README.md says so.
rm -r lib/vscode/extensions/copilot "$vscode"/@github/copilot-sdk* "$vscode/@microsoft/mxc-sdk"

# Signing in by what a desktop knows; the browser's way remains.
rm lib/vscode/extensions/microsoft-authentication/dist/*.node \
  lib/vscode/extensions/microsoft-authentication/dist/*.so

# Other systems.
rm -r "$vscode"/@vscode/windows-* lib/vscode/extensions/ms-vscode.js-debug/src/*.win32-*.node
rm lib/vscode/bin/*/*.cmd lib/vscode/bin/*/*-darwin.sh
for folder in node_modules/argon2/prebuilds "$vscode/node-pty/prebuilds" \
  "$vscode/@vscode/ripgrep-universal/bin"; do
  [ -d "$folder/linux-$arch" ]
  find "$folder" -mindepth 1 -maxdepth 1 ! -name "linux-$arch" -exec rm -r {} +
done
find . -name '*.musl.node' -delete
rm -rf "$vscode"/@parcel/watcher-linux-*-musl

# What compiling leaves, and sources.
find node_modules "$vscode" -type d \( -name obj -o -name obj.target -o -name .deps \) -prune -exec rm -r {} +
find node_modules "$vscode" -type f \
  \( -name '*.[acho]' -o -name '*.cc' -o -name '*.cpp' -o -name '*.hpp' -o -name '*.gyp' \
  -o -name '*.gypi' -o -name '*.mk' -o -name Makefile -o -name '*.map' -o -name '*.[cm]ts' \
  -o -name '*.ts' -o -name '*.tsx' -o -name '*.tar.gz' -o -name '*.exe' -o -name '*.dll' \) \
  -delete
find out lib/vscode/out lib/vscode/extensions -type f -name '*.map' -delete
for name in test tests docs examples .github third_party deps; do
  find ./node_modules "./$vscode" -type d -path "*/node_modules/*/$name" \
    ! -path "*/node_modules/*/*/*/*" -prune -exec rm -r {} +
done
find . -xtype l -delete
find . -type d -empty -delete

# The same diagrams are drawn in notebooks, in previews and in chats, each with its own copy.
find . -type f -size +32k -exec sha256sum {} + | sort > /src/sums
kept=
while read -r sum file; do
  case $sum in
    "${kept%% *}") ln -sf "$(realpath --relative-to="$(dirname "$file")" "${kept#* }")" "$file" ;;
    *) kept="$sum $file" ;;
  esac
done < /src/sums

# Symbols for debuggers.
find . \( -name '*.node' -o -path ./lib/node \) -type f -exec strip --strip-unneeded {} +

chmod -R u=rwX,go=rX .
