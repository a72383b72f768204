"""Lists of what a repository has, in pages."""

import sqlite3

from labrunner.emulator.store import Store

__all__ = ["ORDERS", "page"]

ORDERS = ("", "timeasc", "timedesc")
"""In which lists can be asked for: by name, or by the time of the last update."""


def page(
    store: Store,
    table: str,
    column: str,
    key: tuple[str, str],
    *,
    more: tuple[str, tuple[str, ...]] = ("", ()),
    last: str,
    count: int,
    order: str,
) -> list[sqlite3.Row]:
    """Rows that may be listed, at most `count`, after the one whose column is `last`, wherever that is in the order.

    If it is gone meanwhile, a list by time begins anew: its name says nothing of where it was, and whoever deletes as
    they list comes to an end all the same. key: registry and repository. more: what else must hold, and its values.
    """
    where, values = more
    base = f"FROM {table} WHERE registry = ? AND repository = ? AND attributes & 8 {where}"  # our own names
    if not order:
        return store.rows(f"SELECT * {base} AND {column} > ? ORDER BY {column} LIMIT ?", *key, *values, last, count)
    sign, way = (">", "ASC") if order == "timeasc" else ("<", "DESC")
    after = store.row(f"SELECT updated {base} AND {column} = ?", *key, *values, last) if last else None
    tail = f"ORDER BY updated {way}, {column} {way} LIMIT ?"
    if after is None:
        return store.rows(f"SELECT * {base} {tail}", *key, *values, count)
    query = f"SELECT * {base} AND (updated, {column}) {sign} (?, ?) {tail}"
    return store.rows(query, *key, *values, after["updated"], last, count)
