"""What the list of books holds: how many, in which order, of which import."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from bibliflow_tui.key_names import Named
from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.book_table import SearchState
from daemon.catalog.book_search import BookQuery, Order

LONGEST_NAME = 40
"""Characters of a file name or a search that are shown."""


class BooksTitle(Static):
    """The line above the books."""

    def show(self, query: BookQuery, state: SearchState, count: int | None, origin: str) -> None:
        """Show how far the search is; ``count`` is None as long as the books are counted."""
        match state:
            case SearchState.LOST:
                words = "waiting for the database..."
            case SearchState.RUNNING:
                words = "looking..." if query.order is Order.NEWEST else "sorting..."
            case SearchState.FOUND if count is None:
                words = "counting..."
            case SearchState.FOUND:
                words = f"{count:,} {'found' if query.is_filtered else 'books'}"
        parts = [safe_text(words, "bold"), safe_text(query.order, "$text-accent")]
        if query.import_job_id:
            parts.append(safe_text(f"only {origin}", limit=LONGEST_NAME))
        elif query.kept_of_id:
            parts.append(safe_text(f"kept, {origin}", limit=LONGEST_NAME))
        self.update(Content("   ").join(parts))


def explain_empty(query: BookQuery, key_of: Named) -> str:
    """Why there are no books, and what can be done."""
    if not query.is_filtered:
        return f"No books yet. Press {key_of('app.imports')}, then {key_of('imports.add')}, to import a file."
    sought = f"Nothing found for {query.text[:LONGEST_NAME]}" if query.text else "No books"
    where = " in this import" if query.import_job_id else ""
    return f"{sought}{where}.\n\n{key_of('books.all')} shows all books."
