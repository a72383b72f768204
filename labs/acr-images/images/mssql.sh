#!/bin/sh
# Stand-in for Microsoft's image of SQL Server: it asks for the same variables, keeps its data at the same place and
# answers at the same port. There is no database in it.
here=$(dirname "$0")
data=/var/opt/mssql/data
first=$data/stand-in.first-start

log() {
    printf '%s spid1s      %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S.00')" "$1"
}

goodbye() {
    log 'SQL Server is terminating because of a system shutdown.'
}

echo 'Stand-in for SQL Server: a small shell script, not a database.'
case ${ACCEPT_EULA:-} in
    [Yy] | [Yy][Ee][Ss]) ;;
    *)
        echo 'The license agreement must be accepted before SQL Server can start: set ACCEPT_EULA=Y.' >&2
        exit 1
        ;;
esac
password=${MSSQL_SA_PASSWORD:-${SA_PASSWORD:-}}
if [ "${#password}" -lt 8 ]; then
    echo 'ERROR: Unable to set system administrator password: it must be at least 8 characters long.' >&2
    exit 1
fi

mkdir -p "$data" || exit
print=$(printf %s "$password" | sha256sum)
print=${print%% *}
if [ -s "$first" ]; then
    read -r day kept <"$first"
    log "The data of the first start, $day, is there."
    [ "$kept" = "$print" ] || log 'The password of the first start stays in force; SA_PASSWORD is another one now.'
else
    echo "$(date -u '+%Y-%m-%dT%H:%M:%SZ') $print" >"$first" || exit
    log 'This is the first start: the data folder was empty.'
fi

. "$here/serving.sh"
serve 1433 "$here/answer.sh"
log 'SQL Server is now ready for client connections. This is an informational message; no user action is required.'
wait "$server"
