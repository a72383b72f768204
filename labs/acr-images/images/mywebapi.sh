#!/bin/sh
# Stand-in for the mywebapi image of Module 2: a few lines of shell that answer like a small ASP.NET Core service.
# It reads the same variables as Microsoft's images, ASPNETCORE_HTTP_PORTS and ASPNETCORE_ENVIRONMENT, and the
# connection string ConnectionStrings__DefaultConnection. Its data folder is `data` beside it.
here=$(dirname "$0")
port=${ASPNETCORE_HTTP_PORTS:-8080}
port=${port%%[;,]*}
starts=$here/data/starts.log

log() {
    printf 'info: %s\n      %s\n' "$1" "$2"
}

goodbye() {
    log 'Microsoft.Hosting.Lifetime[0]' 'Application is shutting down...'
}

# Which starts of it the data folder has seen: those of earlier containers too, where it is a volume.
count_start() {
    mkdir -p "$here/data"
    if echo "$(date -u '+%Y-%m-%dT%H:%M:%SZ') $(hostname)" >>"$starts"; then
        log 'MyWebApi.Data[0]' "Starts that the data folder $here/data has seen: $(wc -l <"$starts")"
    fi
}

# The database may start later than this: one that does not answer yet is asked again.
watch_database() {
    tries=40
    until found=$(sh "$here/ask-database.sh"); do
        [ $? -eq 1 ] || return
        [ "$tries" -ne 40 ] || log 'MyWebApi.Data[1]' "Database server ${found%% *} does not answer yet"
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return
        usleep 500000
    done
    log 'MyWebApi.Data[2]' "Database server ${found%% *} answers, version ${found##* }"
}

echo 'Stand-in for mywebapi: a small shell script, not a .NET application.'
. "$here/serving.sh"
count_start
# "Now listening" is said only when it is true: the exercises wait for this line.
serve "$port" "$here/respond.sh"
log 'Microsoft.Hosting.Lifetime[14]' "Now listening on: http://[::]:$port"
log 'Microsoft.Hosting.Lifetime[0]' 'Application started. Press Ctrl+C to shut down.'
log 'Microsoft.Hosting.Lifetime[0]' "Hosting environment: ${ASPNETCORE_ENVIRONMENT:-Production}"
log 'Microsoft.Hosting.Lifetime[0]' "Content root path: $here"
watch_database &
wait "$server"
