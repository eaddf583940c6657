#!/bin/bash
# start [OPTION…]: a scheduler of Dask, whose options these are, and DASK_WORKERS workers beside it.
set -eu

port=8786
for word; do
  case $word in --port=*) port=${word#--port=} ;; esac
done
trap 'trap - TERM; kill $(jobs -p); wait' TERM
dask scheduler --host=0.0.0.0 --port="$port" --dashboard-address=:8787 "$@" &
# What does not fit into memory goes to the work directory.
dask worker "tcp://127.0.0.1:$port" --nworkers="$DASK_WORKERS" --local-directory="$PWD/dask-worker-space" \
  --death-timeout=600 --no-dashboard &
# Where one of both ends, so does the service, and the cluster starts it again.
wait -n
# shellcheck disable=SC2046 # a word for each process
kill $(jobs -p) 2> /dev/null || true
wait
exit 1
