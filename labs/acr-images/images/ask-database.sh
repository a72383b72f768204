#!/bin/sh
# Asks the server that the connection string names whether it speaks SQL Server's protocol, by its first packet: PRELOGIN
# of [MS-TDS], section 2.2.6.5. No login, no query: the stand-in has no more.
# Prints `SERVER VERSION`. Status 1: it does not answer, only SERVER is printed. Status 2: no connection string.
server=
IFS=';'
for part in ${ConnectionStrings__DefaultConnection:-}; do
    case $part in
        [Ss]erver=* | [Dd]ata\ [Ss]ource=*) server=${part#*=} ;;
    esac
done
unset IFS
[ -n "$server" ] || exit 2
server=${server#tcp:}
port=1433
case $server in *,*) port=${server#*,} server=${server%%,*} ;; esac

# Header: type 18, last packet, 26 bytes. Options: VERSION at 11 (6 bytes), ENCRYPTION at 17 (1 byte), end.
prelogin() {
    printf '\022\001\000\032\000\000\001\000\000\000\013\000\006\001\000\021\000\001\377\000\000\000\000\000\000\002'
}

set -- $(prelogin | timeout 3 nc -w 2 "$server" "$port" 2>/dev/null | od -An -v -tu1)
# An answer: type 4, and VERSION as its first option.
if [ $# -lt 26 ] || [ "$1" -ne 4 ] || [ "$9" -ne 0 ]; then
    echo "$server"
    exit 1
fi
shift $((8 + ${10} * 256 + ${11}))
echo "$server $1.$2.$(($3 * 256 + $4))"
