#!/bin/sh
# Answers one HTTP request: standard input and output are the connection, standard error is the container's log.
cr=$(printf '\r')

IFS=' ' read -r method target version || exit 0
version=${version%"$cr"}
case $version in
    HTTP/1.[01]) ;;
    *) method=BAD version=HTTP/1.1 ;;
esac

host=localhost
length=0
while IFS= read -r line; do
    line=${line%"$cr"}
    case $line in
        '') break ;;
        [Hh][Oo][Ss][Tt]:*) host=${line#*:} host=${host# } ;;
        [Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh]:*) length=${line#*:} length=${length# } ;;
    esac
done
# A body left unread would make the kernel reset the connection before the client has the answer.
case $length in
    '' | 0 | *[!0-9]*) ;;
    *) head -c "$length" >/dev/null ;;
esac

# Whether the database of the connection string answers, asked anew each time.
database() {
    found=$(sh "$(dirname "$0")/ask-database.sh")
    case $? in
        0) status='200 OK' body="{\"status\":\"Healthy\",\"server\":\"${found%% *}\",\"version\":\"${found##* }\"}" ;;
        1) status='503 Service Unavailable' body="{\"status\":\"Unhealthy\",\"server\":\"$found\"}" ;;
        *) status='404 Not Found' ;;
    esac
}

body=
case $method:${target%%\?*} in
    BAD:*) status='400 Bad Request' ;;
    GET:/api/health | HEAD:/api/health) status='200 OK' body='{"status":"Healthy"}' ;;
    GET:/api/health/database | HEAD:/api/health/database) database ;;
    *:/api/health | *:/api/health/database) status='405 Method Not Allowed' ;;
    *) status='404 Not Found' ;;
esac

log() {
    printf 'info: Microsoft.AspNetCore.Hosting.Diagnostics[%s]\n      %s\n' "$1" "$2" >&2
}

request="$version $method http://$host$target"
log 1 "Request starting $request"
printf 'HTTP/1.1 %s\r\nServer: stand-in\r\nConnection: close\r\nContent-Length: %s\r\n' "$status" "${#body}"
[ -z "$body" ] || printf 'Content-Type: application/json; charset=utf-8\r\n'
[ "${status%% *}" != 405 ] || printf 'Allow: GET, HEAD\r\n'
printf '\r\n'
[ "$method" = HEAD ] || printf '%s' "$body"
log 2 "Request finished $request - ${status%% *}"
