# Sourced by the stand-ins that serve a port. Standard input and output of a handler are one connection.
server=

# PID 1 gets no default signal handling: without this trap `docker stop` would wait ten seconds.
stop() {
    goodbye
    [ -z "$server" ] || kill "$server" 2>/dev/null
    exit 0
}
trap stop TERM INT

# serve PORT HANDLER: starts it and comes back when it listens. Ends the program when it cannot.
serve() {
    nc -ll -p "$1" -e sh "$2" &
    server=$!
    until is_listening "$1"; do
        if ! kill -0 "$server" 2>/dev/null; then
            echo "fail: port $1 could not be opened" >&2
            exit 1
        fi
        usleep 10000
    done
}

is_listening() {
    grep -qs ":$(printf '%04X' "$1") [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6
}
