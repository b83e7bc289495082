"""What is wrong with a rejected row while somebody types into its fields, and what may have been meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from bibliflow_tui.text import safe_text
from bibliflow_tui.widgets.book_form import FIELDS
from bibliflow_tui.widgets.error_detail import hint
from daemon.catalog import row_errors
from daemon.catalog.row_errors import Problem, RowError
from daemon.importing.fix import RowChecker
from daemon.importing.rules import DUPLICATE
from daemon.values import BookField

LONGEST_PROBLEM = 200

Typed = Mapping[BookField, str]
"""What the fields hold that were changed."""


class RowEdit:
    """One row. Nothing of it asks the catalogue."""

    def __init__(self, checker: RowChecker, error: RowError) -> None:
        self.error = error
        self.written = checker.written(error)
        """What its record has for the fields."""
        self.suggested = row_errors.suggested(error.as_problems())
        self._checker = checker
        self._refused: tuple[Typed, Sequence[Problem]] = ({}, ())

    def refuse(self, typed: Typed, problems: Sequence[Problem]) -> None:
        """The catalogue does not take what was typed, for these reasons; they are shown until it changes."""
        self._refused = (typed, problems)

    def problems(self, typed: Typed) -> list[Problem]:
        """What the rules say of the row like this."""
        return self._checker.problems(self.error, typed)

    def _shown(self, typed: Typed) -> list[Problem]:
        """Those, and what only the catalogue or the whole record tells, as long as it may be so."""
        found = self.problems(typed)
        refused, reasons = self._refused
        if typed == refused:
            found += reasons
        for problem in self.error.as_problems():
            is_open = problem.field is None or (problem.code == DUPLICATE and problem.field not in typed)
            if is_open and problem.field not in {other.field for other in found}:
                found.append(problem)
        return found

    def lines(self, typed: Typed) -> dict[BookField, Content]:
        """For each field with a problem that, and what was probably meant as long as nothing is typed."""
        hints = {problem.field: hint(problem) for problem in self.error.as_problems()}
        lines: dict[BookField, Content] = {}
        for problem in self._shown(typed):
            if problem.field is None:
                continue
            line = safe_text(f"✗ {problem.message}", "$text-error", limit=LONGEST_PROBLEM)
            if problem.field not in typed and (words := hints.get(problem.field)):
                words = f"→ {words}"
                line = Content.assemble(line, "\n", safe_text(words, "$text-success", limit=LONGEST_PROBLEM))
            lines[problem.field] = line
        return lines

    def whole(self, typed: Typed) -> Content:
        """What is wrong with the record as a whole: whether the fields are right only people can tell."""
        messages = [problem.message for problem in self._shown(typed) if problem.field is None]
        words = f"✗ {'; '.join(messages)}: look whether the fields have the right values" if messages else ""
        return safe_text(words, "$text-error", limit=LONGEST_PROBLEM)

    def first_wrong(self, typed: Typed) -> BookField:
        """The first field with a problem, or else the first."""
        wrong = {problem.field for problem in self._shown(typed)}
        return next((field for field in FIELDS if field in wrong), "title")
