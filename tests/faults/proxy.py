"""A TCP proxy in front of PostgreSQL that loses connections at chosen moments."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum, auto

from psycopg.conninfo import conninfo_to_dict

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The message as psycopg sends it, in a packet of its own."""

READY = b"Z\x00\x00\x00\x05"
"""How the server ends each answer."""


class Cut(Enum):
    """What of a COMMIT is lost."""

    REQUEST = auto()
    """The server never hears of it."""
    REPLY = auto()
    """The server commits, the client is not told."""


class Proxy:
    """Listens on a port of its own and passes everything on to the server's socket file."""

    def __init__(self, conninfo: str) -> None:
        """``conninfo`` leads to the server by its socket file."""
        parts = conninfo_to_dict(conninfo)
        self._socket_file = f"{parts['host']}/.s.PGSQL.{parts['port']}"
        self._user, self._database = parts["user"], parts["dbname"]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._is_open = True
        self._flows = threading.Event()
        self._flows.set()
        self._planned: Cut | None = None
        self._commits_before = 0
        self._behind = b""
        self.cuts = 0
        """Commits that were cut."""
        threading.Thread(target=self._accept, daemon=True).start()

    def address(self, database: str = "") -> str:
        """Where a database is found through it: by default that of ``conninfo``."""
        name = database or self._database
        return f"postgresql://{self._user}@127.0.0.1:{self.port}/{name}?sslmode=disable&gssencmode=disable"

    def plan(self, cut: Cut, commits_before: int = 0, behind: str = "") -> None:
        """Cut a COMMIT of any connection, after letting some pass; one that is ``behind`` a statement."""
        with self._lock:
            self._planned, self._commits_before, self._behind = cut, commits_before, behind.encode()

    def drop_all(self) -> None:
        """Cut all connections, and refuse new ones until :meth:`open`."""
        self._is_open = False
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._drop(pair)

    def open(self) -> None:
        """Let connections through again."""
        self._is_open = True

    def freeze(self) -> None:
        """Pass nothing on, and close nothing: like a server that hangs, until :meth:`thaw`."""
        self._flows.clear()

    def thaw(self) -> None:
        """Pass on what waits, and what comes."""
        self._flows.set()

    def close(self) -> None:
        """End all of it."""
        self.thaw()
        self.drop_all()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            server = socket.socket(socket.AF_UNIX)
            try:
                if not self._is_open:
                    raise ConnectionRefusedError
                server.connect(self._socket_file)
            except OSError:
                client.close()
                server.close()
                continue
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._pass_on, args=(pair,), daemon=True).start()

    def _pass_on(self, pair: tuple[socket.socket, socket.socket]) -> None:
        back = threading.Thread(target=self._to_client, args=(pair,), daemon=True)
        back.start()
        self._to_server(pair)
        back.join()
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:  # not before: another connection would get its number, and a thread read from that
            end.close()

    def _drop(self, pair: tuple[socket.socket, socket.socket]) -> None:
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _cut_now(self, data: bytes, before: bytes) -> Cut | None:
        if COMMIT not in data:
            return None
        with self._lock:
            if self._planned is None or self._behind not in before:
                return None
            if self._commits_before > 0:
                self._commits_before -= 1
                return None
            cut, self._planned = self._planned, None
            self.cuts += 1
            return cut

    def _to_server(self, pair: tuple[socket.socket, socket.socket]) -> None:
        client, server = pair
        before = b""
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                self._flows.wait()
                cut = self._cut_now(data, before)
                before = b"" if COMMIT in data else (before + data)[-65536:]
                if cut is Cut.REQUEST:
                    break
                if cut is Cut.REPLY:
                    # The other thread may be waiting for the answer too: it finds the client gone.
                    with contextlib.suppress(OSError):
                        client.shutdown(socket.SHUT_RDWR)
                    server.sendall(data)
                    continue
                server.sendall(data)
        self._drop(pair)

    def _to_client(self, pair: tuple[socket.socket, socket.socket]) -> None:
        client, server = pair
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                self._flows.wait()
                client.sendall(data)
        self._drop(pair)
