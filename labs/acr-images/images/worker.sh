#!/bin/sh
# Stand-in for the worker images of the course: a few lines of shell that log like a .NET worker service.
# SERVICE is the name of the service in the log.
service=${SERVICE:-Worker}
pause=

log() {
    printf 'info: %s\n      %s\n' "$1" "$2"
}

# PID 1 gets no default signal handling: without this trap `docker stop` would wait ten seconds.
stop() {
    log 'Microsoft.Hosting.Lifetime[0]' 'Application is shutting down...'
    [ -z "$pause" ] || kill "$pause" 2>/dev/null
    exit 0
}
trap stop TERM INT

echo "Stand-in for $service: a small shell script, not a .NET application."
log 'Microsoft.Hosting.Lifetime[0]' 'Application started. Press Ctrl+C to shut down.'
log 'Microsoft.Hosting.Lifetime[0]' "Hosting environment: ${DOTNET_ENVIRONMENT:-Production}"
while :; do
    log "$service.Worker[0]" "Worker running at: $(date -u '+%m/%d/%Y %H:%M:%S +00:00')"
    # A shell runs its traps only between commands: the pause must be one that `wait` can be called away from.
    sleep 5 &
    pause=$!
    wait "$pause"
done
