"""Text that PostgreSQL can hold, from text that it cannot."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    r"""``text`` with NUL as ``\x00`` and bytes that could not be decoded as ``\xNN``.

    Python carries undecodable bytes as lone surrogates (U+DC00 + byte); PostgreSQL's text takes neither those
    nor NUL. Nothing is dropped: what was there stays readable.
    """
    if _UNSTORABLE.search(text) is None:
        return text
    return _UNSTORABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == 0:
        return r"\x00"
    if 0xDC00 <= code <= 0xDCFF:
        return rf"\x{code - 0xDC00:02x}"
    return rf"\u{code:04x}"
