"""Text that PostgreSQL can hold, from text that it cannot."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold ``text``."""
    return "\0" not in text and is_encodable(text)


def is_encodable(text: str) -> bool:
    """Whether ``text`` can be written in UTF-8: it holds no lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()  # of a large text, ten times as fast as looking for them
    except UnicodeEncodeError:
        return False
    return True


def storable(text: str) -> str:
    r"""``text`` with NUL as ``\x00`` and bytes that could not be decoded as ``\xNN``.

    Python carries undecodable bytes as lone surrogates (U+DC00 + byte); PostgreSQL's text takes neither those
    nor NUL. Nothing is dropped: what was there stays readable.
    """
    if is_storable(text):
        return text
    return _UNSTORABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == 0:
        return r"\x00"
    if 0xDC00 <= code <= 0xDCFF:
        return rf"\x{code - 0xDC00:02x}"
    return rf"\u{code:04x}"
