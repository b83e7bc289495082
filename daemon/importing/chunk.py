"""What one transaction stores: consecutive rows, with all done for them that needs no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from daemon.catalog import books, row_errors
from daemon.catalog.books import NewBook
from daemon.catalog.copying import EncodedRows, concatenate, join
from daemon.importing import origins
from daemon.importing.candidates import Candidates
from daemon.importing.checking import Checked
from daemon.importing.dialect import Dialect
from daemon.importing.origins import Origins
from daemon.importing.rules import DUPLICATE
from daemon.values import CHANGING_POLICIES, DuplicatePolicy

if TYPE_CHECKING:  # numpy takes time and memory, and only long files need it
    from daemon.importing.certain import CertainRows, Isbns

NO_ROWS = join([], [])
NO_ORIGINS = Origins()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file on their way to the loader. Counts are rows."""

    books: EncodedRows
    """The first one with each ISBN; none under the policies "update" and "fill"."""
    origins: Origins
    """Of those, in any order; of none where duplicates are expected."""
    duplicates: EncodedRows | None
    """The errors that they are if their ISBNs are there already; None where that was not expected."""
    updates: Sequence[NewBook]
    """All of them in the order of the file, under these policies."""
    errors: bytes
    """Encoded: what the rules reject; under the policy "error", also what repeats an ISBN of the chunk."""
    error_count: int
    codes: Mapping[str, int]
    """Of those errors, how many rows have each code."""
    skipped: int
    """What repeats an ISBN of the chunk, under the policy "skip"."""
    bytes_read: int
    """How far the file was read."""
    follows: bool
    """It may have an ISBN in common with the chunk before it, and can only be stored behind that."""

    def __len__(self) -> int:
        return len(self.books) + len(self.updates) + self.error_count + self.skipped


class Packer:
    """Makes one chunk of checked rows."""

    def __init__(
        self, job_id: UUID, dialect: Dialect, policy: DuplicatePolicy, *, expects_duplicates: bool = False
    ) -> None:
        self._job_id = job_id
        self._dialect = dialect
        self._policy = policy
        self._expects_duplicates = expects_duplicates and policy == "error"
        self._candidates = Candidates()
        self._certain: list[CertainRows] = []
        self._errors: list[bytes] = []
        self._codes: Counter[str] = Counter()
        self._rows = self._skipped = self._bytes_read = 0
        self.size = 0
        """Characters of its rows, or bytes."""
        self.isbns: Isbns | None = None
        """Of the books, when they are packed; None if they are not known as numbers."""

    def __len__(self) -> int:
        return self._rows

    def add(self, checked: Checked) -> None:
        """Add rows that follow those it has."""
        self._rows += len(checked)
        self._bytes_read = checked.bytes_read
        self.size += checked.size
        self._errors += row_errors.encode(self._job_id, checked.rejections)
        self._codes.update(row_errors.codes(rejection.problems for rejection in checked.rejections))
        self._candidates.extend(checked.candidates)
        if checked.certain:
            self._certain.append(checked.certain)

    def pack(self, before: Isbns | None = None) -> Chunk:
        """The chunk; ``before`` are the ISBNs of the one before it."""
        if self._policy in CHANGING_POLICIES:
            return self._chunk(updates=self._candidates.in_order().books())
        certain = self._take_certain()
        candidates = self._take_first()
        follows = True
        if certain:
            self.isbns = certain.isbns_with(candidates.isbns)
            follows = before is None or self.isbns.meet(before)
        rows = books.encode_rows(
            self._job_id,
            isbns=candidates.isbns,
            titles=candidates.titles,
            authors=candidates.authors,
            years=candidates.years,
        )
        if certain:
            from daemon.catalog import book_spans

            encoded = book_spans.encode(self._job_id, certain.books, rows)
        else:
            encoded = books.add_identifiers(rows)
        if self._expects_duplicates:
            duplicates = self._duplicates(certain, candidates)
            return self._chunk(books=encoded, duplicates=duplicates, follows=follows)
        found = origins.of(candidates)
        if certain:
            found = certain.origins() + found
        return self._chunk(books=encoded, origins=found, follows=follows)

    def _duplicates(self, certain: CertainRows | None, candidates: Candidates) -> EncodedRows:
        """The errors that these rows are if their ISBNs are there already."""
        plain = NO_ROWS
        if certain:
            has_quotes = certain.has_quotes
            if not has_quotes.all():
                plain = certain.where(~has_quotes).encode_duplicates(self._job_id)
            candidates.extend(certain.where(has_quotes).candidates())
        errors = candidates.encode_duplicates(self._job_id, self._dialect)
        return concatenate(plain, join(candidates.isbns, errors))

    def _take_certain(self) -> CertainRows | None:
        """The certain rows whose ISBNs no other row of the chunk has; the others join the candidates."""
        if not self._certain:
            return None
        from daemon.importing import certain

        rows = certain.join(self._certain)
        is_alone = rows.alone(self._candidates.isbns)
        if is_alone.all():
            return rows
        self._candidates.extend(rows.where(~is_alone).candidates())
        return rows.where(is_alone)

    def _take_first(self) -> Candidates:
        """The first candidate with each ISBN; the others are passed over, or errors."""
        if len(set(self._candidates.isbns)) == len(self._candidates):
            return self._candidates
        first, repeated = self._candidates.first_of_each()
        if self._policy == "skip":
            self._skipped = len(repeated)
        else:
            self._errors += repeated.encode_duplicates(self._job_id, self._dialect)
            self._codes[DUPLICATE] += len(repeated)
        return first

    def _chunk(
        self,
        books: EncodedRows = NO_ROWS,
        origins: Origins = NO_ORIGINS,
        duplicates: EncodedRows | None = None,
        updates: Sequence[NewBook] = (),
        *,
        follows: bool = True,
    ) -> Chunk:
        return Chunk(
            books=books,
            origins=origins,
            duplicates=duplicates,
            updates=updates,
            errors=b"".join(self._errors),
            error_count=len(self._errors),
            codes=self._codes,
            skipped=self._skipped,
            bytes_read=self._bytes_read,
            follows=follows,
        )
