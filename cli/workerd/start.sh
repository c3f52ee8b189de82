#!/bin/sh
# Starts the mesh beside this script, on the state in $WEFT_STATE (default ./state), with any options of `workerd serve`:
#   WEFT_STATE=/var/lib/weft ./start --ingress-port 8080 --control-port 8081
#   WEFT_STATE=/var/lib/weft ./start --socket-addr ingress=*:8080
# Two runtimes over one state would each hold objects that believe to be the only ones, and workerd does not keep them apart:
# a lock does, which the system takes back however the runtime ends.
set -eu
state=${WEFT_STATE:-state}
mkdir -p -m 700 "$state"
command -v flock >/dev/null || { echo "weft: flock (of util-linux) is needed to keep a second runtime from $state" >&2; exit 1; }
exec 9>"$state/weft.lock"
flock --nonblock 9 || { echo "weft: another runtime runs on $state" >&2; exit 1; }
# A port is called here as it is with `weft up`: of this machine only. `--socket-addr` is for other addresses.
left=$#
while [ "$left" -gt 0 ]; do
  option=$1
  shift
  left=$((left - 1))
  case $option in
    --ingress-port=* | --control-port=*) port=${option#*=} ;;
    --ingress-port | --control-port)
      [ "$left" -gt 0 ] || { echo "weft: $option needs a port" >&2; exit 2; }
      port=$1
      shift
      left=$((left - 1))
      ;;
    *)
      set -- "$@" "$option"
      continue
      ;;
  esac
  socket=${option%%-port*}
  set -- "$@" --socket-addr "${socket#--}=127.0.0.1:$port"
done
exec "${WORKERD:-workerd}" serve "$(dirname "$0")/weft.capnp" --directory-path state="$state" "$@"
