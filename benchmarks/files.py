"""The files that are imported; of a seed, so that every run has the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tests.files import isbn13

WORDS = ("the", "of", "a", "lost", "river", "garden", "night", "history", "house", "light", "winter", "stone")
FIRST_NAMES = (
    "Ann",
    "Bob",
    "Maria",
    "José",
    "Ingrid",
    "Wei",
    "Olga",
    "Peter",
    "Zoë",
    "Jean",
    "Amir",
    "Lucia",
)
LAST_NAMES = ("Smith", "Novák", "García", "Müller", "Chen", "Ivanova", "Okafor", "Dubois", "Rossi", "Haddad")
HEADER = "title,author,isbn,publication_year\n"
SEED = 20_260


def clean(path: Path, rows: int, *, first: int = 0) -> Path:
    """``rows`` good rows, 52 bytes each; no two files with other ``first`` have an ISBN in common.

    ISBNs come in no order, as they do in catalogues; every tenth title has a comma and so needs quotes.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        file.writelines(_rows(rows, first, bad=0.0))
    return path


def with_bad_rows(path: Path, rows: int, share: float = 0.02) -> Path:
    """The same, but some are rejected for the usual reasons."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        file.writelines(_rows(rows, 0, bad=share))
    return path


def _rows(count: int, first: int, bad: float) -> Iterator[str]:
    chance = random.Random(SEED + first)
    numbers = list(range(first, first + count))
    chance.shuffle(numbers)
    for number in numbers:
        title = " ".join(chance.choices(WORDS, k=chance.randint(2, 5))).capitalize()
        if chance.random() < 0.1:
            title = f'"{title}, a novel"'
        author = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
        isbn, year = isbn13(number), str(chance.randint(1900, 2024))
        if bad and chance.random() < bad:
            match chance.randrange(4):
                case 0:
                    title = ""
                case 1:
                    isbn = f"{int(isbn):.5E}"
                case 2:
                    year = "c1999"
                case 3:
                    isbn = isbn[:9]
        yield f"{title},{author},{isbn},{year}\n"
