#!/bin/sh
set -eu
cd "$(dirname "$0")"
mkdir -p downloads
curl -fsSL --output downloads/lang.tgz https://a.example/arm64.tgz
echo 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  downloads/lang.tgz' | sha256sum --check --quiet
