#!/bin/sh
# The content of os=1@linux/amd64, for as long as the archive has not moved on.
set -eu
cd "$(dirname "$0")"
SOURCE_DATE_EPOCH=1 mmdebstrap --variant=minbase --architectures=amd64 --include=ca-certificates '--dpkgopt=path-exclude=/usr/share/doc/*' '--dpkgopt=path-include=/usr/share/doc/*/copyright' '--dpkgopt=path-exclude=/usr/share/locale/*' '--dpkgopt=path-exclude=/usr/share/man/*' '--dpkgopt=path-exclude=/usr/share/info/*' -- one rootfs.tar
