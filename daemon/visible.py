"""Strangers' text made harmless for a terminal: file names, fields, headers, messages of a server."""

from __future__ import annotations

import re

ELLIPSIS = "…"

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: they drive the terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi controls: they reorder what is read
    "\u2028\u2029"  # line and paragraph separator: a cell is one line
    "\u00ad\u034f\u180e\u200b\u2060-\u2065"  # characters without width: they hide differences
    "\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # the same
    "\ud800-\udfff"  # lone surrogates: they cannot be encoded
    "]"
    # Joiners hide differences too, but between letters Persian and the scripts of India need them.
    r"|(?<!\w)[\u200c\u200d]|[\u200c\u200d](?!\w)"
)


def visible(value: object, limit: int | None = None) -> str:
    """The text of a value on one line, with everything invisible or dangerous turned into visible glyphs.

    Args:
        value: Anything with a `str()`; None is the empty text.
        limit: Show at most this many characters of the value; an ellipsis says that there are more.

    Returns:
        `␛[2J` for an ESC sequence, `␊` for a newline, `⟨202E⟩` for other code points, `\\xff` for a byte
        that could not be decoded. It can always be encoded as UTF-8. Brackets stay: it is not markup-safe.
    """
    text = "" if value is None else str(value)
    if limit is not None and len(text) > limit:
        text = text[:limit] + ELLIPSIS
    return _UNSAFE.sub(_glyph, text)


def _glyph(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not valid UTF-8, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"⟨{code:04X}⟩"
