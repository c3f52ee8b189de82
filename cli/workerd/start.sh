#!/bin/sh
# Starts the mesh beside this script, on the state in $WEFT_STATE (default ./state), with any options of `workerd serve`:
#   WEFT_STATE=/var/lib/weft ./start --socket-addr ingress=*:8080
# Two runtimes over one state would each hold objects that believe to be the only ones, and workerd does not keep them apart:
# a lock does, which the system takes back however the runtime ends.
set -eu
state=${WEFT_STATE:-state}
mkdir -p -m 700 "$state"
command -v flock >/dev/null || { echo "weft: flock (of util-linux) is needed to keep a second runtime from $state" >&2; exit 1; }
exec 9>"$state/weft.lock"
flock --nonblock 9 || { echo "weft: another runtime runs on $state" >&2; exit 1; }
exec "${WORKERD:-workerd}" serve "$(dirname "$0")/weft.capnp" --directory-path state="$state" "$@"
