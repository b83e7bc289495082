"""What is known of one book."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from bibliflow_tui import formats
from bibliflow_tui.text import safe_text
from daemon.catalog.books import Book

LONGEST_VALUE = 300
"""Characters of a field that are shown; the editor has all of them."""

MUTED = "$foreground-muted"


class BookDetail(Static):
    """A few lines on the book under the cursor."""

    def show(self, book: Book | None, origin: str = "") -> None:
        """Show ``book``; ``origin`` says where it came from."""
        self.update(Content("\n").join(_lines(book, origin)) if book else Content(""))


def _lines(book: Book, origin: str) -> list[Content]:
    year = str(book.publication_year) if book.publication_year else "year unknown"
    lines = [
        safe_text(book.title, "bold", limit=LONGEST_VALUE),
        safe_text(f"  {book.author}", limit=LONGEST_VALUE),
        Content.assemble("  ISBN ", safe_text(book.isbn), f"   {year}"),
        safe_text(f"  added {formats.clock(book.created_at)} {origin}".rstrip(), MUTED, limit=LONGEST_VALUE),
    ]
    if book.updated_at != book.created_at:
        lines.append(safe_text(f"  changed {formats.clock(book.updated_at)}", MUTED))
    return lines
