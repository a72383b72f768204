#!/bin/sh
# Answers on one connection as SQL Server does at first: PRELOGIN of [MS-TDS], section 2.2.6.5. A login is refused.
# Standard input and output are the connection, standard error is the container's log.

# The next packet's type; false at the end of the connection.
packet() {
    set -- $(dd bs=1 count=8 2>/dev/null | od -An -v -tu1)
    [ $# -eq 8 ] || return 1
    type=$1
    dd bs=1 count=$(($3 * 256 + $4 - 8)) >/dev/null 2>&1
}

# Header: type 4, last packet, 26 bytes. VERSION 16.0.1000 (SQL Server 2022) at 11, ENCRYPTION "not supported" at 17.
prelogin() {
    printf '\004\001\000\032\000\000\001\000\000\000\013\000\006\001\000\021\000\001\377\020\000\003\350\000\000\002'
}

while packet; do
    if [ "$type" -ne 18 ]; then
        echo 'Login refused: this stand-in answers, but it holds no database.' >&2
        exit
    fi
    prelogin
done
