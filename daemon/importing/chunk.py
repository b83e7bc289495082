"""What one transaction stores: consecutive rows, with all done for them that needs no database."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass
from uuid import UUID

from daemon.catalog import books, row_errors
from daemon.catalog.books import NewBook
from daemon.catalog.copying import EncodedRows, join
from daemon.importing.candidates import Candidates
from daemon.importing.checking import Checked
from daemon.importing.dialect import Dialect
from daemon.importing.rules import DUPLICATE
from daemon.values import CHANGING_POLICIES, DuplicatePolicy


@dataclass(frozen=True, slots=True)
class Origins:
    """Which rows the books of a chunk come from, in few objects."""

    numbers: array[int]
    joined_texts: str
    """The texts of the candidates, joined with NUL, which no row has that passed."""
    joined_isbns: str
    written: dict[int, str]

    def having(self, isbns: Container[str]) -> Candidates:
        """The rows with these ISBNs, without what else their books are."""
        known = self.joined_isbns.split()
        texts = self.joined_texts.split("\0")
        places = [place for place, isbn in enumerate(known) if isbn in isbns]
        return Candidates(
            [self.numbers[place] for place in places],
            [texts[place] for place in places],
            [known[place] for place in places],
            written=self.written,
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file on their way to the loader. Counts are rows."""

    books: EncodedRows
    """The first one with each ISBN; none under the policies "update" and "fill"."""
    origins: Origins
    """Of those, in the order of the file."""
    duplicates: EncodedRows | None
    """The errors that they are if their ISBNs are there already; None where that was not expected."""
    updates: list[NewBook]
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


class Packer:
    """Makes one chunk of checked rows."""

    def __init__(
        self, job_id: UUID, dialect: Dialect, policy: DuplicatePolicy, *, expects_duplicates: bool = False
    ) -> None:
        self._job_id = job_id
        self._dialect = dialect
        self._policy = policy
        self._encoder = books.Encoder(job_id)
        self._numbers = array("Q")
        self._texts: list[str] = []
        self._written: dict[int, str] = {}
        self._duplicates: list[bytes] | None = [] if expects_duplicates and policy == "error" else None
        self._updates: list[NewBook] = []
        self._errors: list[bytes] = []
        self._codes: Counter[str] = Counter()
        self._rows = self._skipped = self._bytes_read = 0
        self.size = 0
        """Characters of its rows."""

    def __len__(self) -> int:
        return self._rows

    def add(self, checked: Checked) -> None:
        """Add rows that follow those it has."""
        self._rows += len(checked)
        self._bytes_read = checked.bytes_read
        self.size += checked.size
        self._errors += row_errors.encode(self._job_id, checked.rejections)
        self._codes.update(row_errors.codes(rejection.problems for rejection in checked.rejections))
        if self._policy in CHANGING_POLICIES:
            self._updates += checked.candidates.in_order().books()
        else:
            self._add_first(checked.candidates)

    def _add_first(self, candidates: Candidates) -> None:
        if not self._encode(candidates):
            candidates, repeated = candidates.first_of_each(self._encoder.isbns)
            if self._policy == "skip":
                self._skipped += len(repeated)
            else:
                self._errors += repeated.encode_duplicates(self._job_id, self._dialect)
                self._codes[DUPLICATE] += len(repeated)
            if not candidates:
                return
            self._encode(candidates)
        if self._duplicates is not None:
            self._duplicates += candidates.encode_duplicates(self._job_id, self._dialect)
        else:
            self._numbers.extend(candidates.numbers)
            self._texts.append("\0".join(candidates.texts))
            self._written |= candidates.written

    def _encode(self, candidates: Candidates) -> bool:
        return self._encoder.add(
            isbns=candidates.isbns,
            titles=candidates.titles,
            authors=candidates.authors,
            years=candidates.years,
        )

    def pack(self) -> Chunk:
        """The chunk."""
        isbns = self._encoder.isbns
        return Chunk(
            books=self._encoder.finish(),
            origins=Origins(self._numbers, "\0".join(self._texts), " ".join(isbns), self._written),
            duplicates=None if self._duplicates is None else join(isbns, self._duplicates),
            updates=self._updates,
            errors=b"".join(self._errors),
            error_count=len(self._errors),
            codes=self._codes,
            skipped=self._skipped,
            bytes_read=self._bytes_read,
        )
