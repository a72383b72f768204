#!/bin/sh
# Stand-in for the mywebapi image of Module 2: a few lines of shell that answer like a small ASP.NET Core service.
# It reads the same variables as Microsoft's images: ASPNETCORE_HTTP_PORTS and ASPNETCORE_ENVIRONMENT.
here=$(dirname "$0")
port=${ASPNETCORE_HTTP_PORTS:-8080}
port=${port%%[;,]*}
server=

log() {
    printf 'info: %s\n      %s\n' "$1" "$2"
}

# PID 1 gets no default signal handling: without this trap `docker stop` would wait ten seconds.
stop() {
    log 'Microsoft.Hosting.Lifetime[0]' 'Application is shutting down...'
    [ -z "$server" ] || kill "$server" 2>/dev/null
    exit 0
}
trap stop TERM INT

is_listening() {
    grep -qs ":$(printf '%04X' "$port") [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6
}

echo 'Stand-in for mywebapi: a small shell script, not a .NET application.'
mkdir -p "$here/data"

nc -ll -p "$port" -e sh "$here/respond.sh" &
server=$!
# "Now listening" is said only when it is true: the exercises wait for this line.
until is_listening; do
    if ! kill -0 "$server" 2>/dev/null; then
        echo "fail: port $port could not be opened" >&2
        exit 1
    fi
    usleep 10000
done

log 'Microsoft.Hosting.Lifetime[14]' "Now listening on: http://[::]:$port"
log 'Microsoft.Hosting.Lifetime[0]' 'Application started. Press Ctrl+C to shut down.'
log 'Microsoft.Hosting.Lifetime[0]' "Hosting environment: ${ASPNETCORE_ENVIRONMENT:-Production}"
log 'Microsoft.Hosting.Lifetime[0]' "Content root path: $here"
wait "$server"
