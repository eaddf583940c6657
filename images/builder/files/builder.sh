#!/bin/sh
# Runs the builder of the checkout that this is started in: the one of the same, reviewed commit.
set -eu
if [ ! -f builder/__init__.py ]; then
  echo "builder: no builder in $PWD: start it in a checkout that has one" >&2
  exit 4
fi
exec python -c 'import sys
from builder.cli.main import main
sys.argv[0] = "builder"
sys.exit(main())' "$@"
