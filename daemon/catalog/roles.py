"""What the role of a connection may do: everything, or only look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors

from daemon.catalog.database import Connection


class RoleError(Exception):
    """The role of the connection may not do this. The message says which role, what, and what to do next."""


@contextmanager
def roles_explained(connection: Connection) -> Iterator[None]:
    """Turn the server's refusal of what the connection's role may not do into :class:`RoleError`."""
    try:
        yield
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        reason = str(error).partition("\n")[0]
        raise RoleError(
            f"The role {connection.info.user} may not do this: {reason}. Use a role that may in "
            "database.url; `bibliflow help security` says what each needs."
        ) from error


def may_write(connection: Connection) -> bool:
    """Whether the connection's role may import: a daemon could do nothing without that."""
    row = connection.execute(
        "SELECT current_setting('transaction_read_only') = 'off'"
        " AND bool_and(has_table_privilege(relation, privilege))"
        " FROM unnest(ARRAY['books', 'import_jobs', 'import_row_errors']) AS relation,"
        " unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS privilege"
    ).fetchone()
    return bool(row and row[0])
