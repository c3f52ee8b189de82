#!/bin/sh
# Starts the Workers runtime and leaves its process id where the guard finds it (see guard.ts).
printf %s "$$" > "$WEFT_PID_FILE"
exec "$WEFT_WORKERD" "$@"
