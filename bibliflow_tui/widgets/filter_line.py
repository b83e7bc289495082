"""A search line that is hidden until it is asked for."""

from __future__ import annotations

from bibliflow_tui.widgets.search_line import SearchLine


class FilterLine(SearchLine):
    """The list below follows while one types. Hidden again, it filters nothing."""

    DEFAULT_CSS = """
    FilterLine { display: none; }
    FilterLine.-shown { display: block; }
    """

    def open(self) -> None:
        """Show it and type into it."""
        self.add_class("-shown")
        self.screen.set_focus(self)

    def restore(self, text: str) -> None:
        """Have this in it, and be seen if that is anything; nobody is told."""
        self.show(text)
        self.set_class(bool(self.value), "-shown")

    def action_leave(self) -> None:
        """To the list; without a filter the line is not needed any more."""
        super().action_leave()
        self.set_class(bool(self.value), "-shown")
