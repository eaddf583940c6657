#!/bin/sh
# Makes what the packages would make when they are installed, as far as a session needs it.
# Parcel's watcher, node-pty and argon2 bring what was compiled.
set -eu

export HOME=/src npm_config_nodedir=/opt/node npm_config_update_notifier=false
MAKEFLAGS=-j$(nproc)
export MAKEFLAGS

cd /opt/code-server/lib/vscode
npm rebuild @vscode/native-watchdog @vscode/spdlog @vscode/sqlite3 kerberos
(cd extensions && node postinstall.mjs > /dev/null)

# Node lies where the scripts of code-server's own releases look for it.
cd /opt/code-server
install -m 0755 /opt/node/bin/node lib/node
mkdir -p bin
cat > bin/code-server << 'END'
#!/bin/sh
root=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$root/lib/node" "$root" "$@"
END
chmod 0755 bin/code-server
