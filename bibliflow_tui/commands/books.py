"""``bibliflow books``."""

from __future__ import annotations

import click

from bibliflow_tui.commands.session import print_json_lines, print_table, session
from daemon import isbn
from daemon.catalog import books as book_table
from daemon.exits import explained


@click.command()
@click.option("--search", "text", metavar="TEXT", help="Part of a title or author, or an ISBN in any form.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@explained
def books(text: str | None, limit: int | None, as_json: bool) -> None:
    """List the books of the catalogue, the newest first."""
    with session() as opened:
        found = book_table.search(opened.connection, text=text, isbn=isbn.recognise(text or ""), limit=limit)
        if as_json:
            print_json_lines(book.as_dict() for book in found)
            return
        print_table(
            [("ISBN", "left"), ("title", "left"), ("author", "left"), ("year", "left")],
            ((book.isbn, book.title, book.author, str(book.publication_year or "")) for book in found),
            empty="No such books." if text else "The catalogue is empty. `bibliflow import FILE` fills it.",
        )
