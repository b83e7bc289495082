"""Which encoding a file is written in: asked of the whole file, as the first odd byte may come late."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

ESCAPE = "bibliflow.escape"
"""Name of an error handler: bytes that cannot be decoded become lone surrogates U+DC00 + byte.

Like "surrogateescape" (PEP 383), which cannot do it for bytes below 0x80; UTF-16 has such.
"""

BLOCK = 256 * 1024
"""Bytes looked at together. Of 1 MiB each, it takes twice as long: the system gives memory for each text and
takes it back."""

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

LATIN = (
    *("cp1252", "cp1250", "cp1254", "cp1257", "iso8859-2", "iso8859-9", "iso8859-15"),
    *("mac-roman", "cp850", "cp852", "cp437"),
)
"""Encodings of Latin letters with accents, the likelier first."""

LEGACY = (
    *LATIN,
    *("cp1251", "cp1253", "cp1255", "cp1256", "iso8859-5", "iso8859-7", "koi8-r", "cp866", "cp874"),
    *("cp932", "euc-jp", "gb18030", "big5", "cp949"),
)
"""What spreadsheets and library systems wrote before UTF-8."""

MULTIBYTE = frozenset({"cp932", "euc_jp", "gb18030", "big5", "cp949"})
"""Those of them, by their codecs' names, that write a character in two bytes."""

BY_CHANCE = {"single byte": 0.05, "multibyte": 0.5}
"""Such bytes of valid UTF-8 for one byte that is not, in texts of other encodings. Measured on titles:
none in Western ones, up to 0.3 in Japanese; more means UTF-8 with rows of something else in it."""

WESTERN = frozenset("àâäáãåæçèéêëìíîïñòóôöøùúûüýßœšžÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖØÙÚÛÜÝŒŠŽ‘’“”„‚–—…«»°ª§®©€·¡¿´\xa0")
"""Characters of Windows-1252 that book lists hold; a single byte that is another of them is damage."""

FEW = 3
"""Fewer odd bytes than this in a whole file tell a statistician nothing."""

FEW_KINDS = 4
"""Fewer different odd bytes than this neither: a list with no other accent than that of José."""

LATIN_RUN = 1.5
"""Odd bytes that follow each other in a text of Latin letters, on average at most; measured: 1.0 to 1.1."""

MOST_SAMPLES = 256
PER_BLOCK = 64
REACH = 200
"""Bytes on both sides of an odd one in which its field begins and ends."""

SEPARATORS = (b"\n", b"\r", b",", b";", b"\t")

LABELS = {"cp932": "Shift_JIS", "cp949": "EUC-KR", "mac-roman": "Mac Roman", "gb18030": "GB 18030"}

_HIGH = re.compile(rb"[\x80-\xff]+")
_NOT_ASCII = re.compile("[^\x00-\x7f]+")


class Detected(NamedTuple):
    """An encoding and why it is thought to be that."""

    encoding: str
    """Name of a codec."""
    reason: str


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(ESCAPE, _escape)


def label(encoding: str) -> str:
    """The name that people know: ``UTF-8``, ``Windows-1252``, ``Shift_JIS``."""
    if encoding.startswith("cp125"):
        return f"Windows-{encoding[2:]}"
    if encoding.startswith("iso8859-"):
        return f"ISO 8859-{encoding[8:]}"
    if encoding.startswith(("utf-16", "utf-32")):
        return encoding[:6].upper()
    return LABELS.get(encoding, encoding.upper().replace("_", "-"))


def detect(stream: BinaryIO) -> Detected:
    """The encoding of the bytes of ``stream``, from its position to its end; in constant memory."""
    head = stream.read(BLOCK)
    if found := by_first_bytes(head):
        return found
    evidence = _Evidence()
    for block in _blocks(head, stream):
        evidence.add(block)
    return evidence.verdict()


def by_first_bytes(head: bytes) -> Detected | None:
    """What the first bytes of a file say; None if that is not enough."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Detected(encoding, f"{label(encoding)}: its byte order mark")
    if wide := _zeros(head[:4096]):
        return Detected(wide, f"{label(wide)}: every other byte is zero")
    return None


def resolve(encoding: str, stream: BinaryIO) -> str:
    """``encoding`` with its order of bytes, which ``stream`` tells if the name of the encoding does not."""
    if encoding not in ("utf-16", "utf-32"):
        return encoding
    found = by_first_bytes(stream.read(4096))
    return found.encoding if found and found.encoding.startswith(encoding) else f"{encoding}-le"


def _zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: of Latin text, every other byte is zero."""
    share = [half.count(0) / max(len(half), 1) for half in (head[::2], head[1::2])]
    if min(share) > 0.1 or max(share) < 0.4:
        return None
    return "utf-16-be" if share[0] > share[1] else "utf-16-le"


def _blocks(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    yield head
    while block := stream.read(BLOCK):
        yield block


class _Evidence:
    """What speaks for UTF-8 and what against it."""

    def __init__(self) -> None:
        self._begun = b""
        """The beginning of a character whose rest is in the next block."""
        self._good = 0
        """Bytes behind the first one of characters that have several: one each in Western texts."""
        self._bad = 0
        """Bytes that are not valid."""
        self._samples: list[bytes] = []
        self._number = 0
        self._stride = 1

    def add(self, block: bytes) -> None:
        if block.isascii() and not self._begun:
            return
        data, bad = self._begun + block, 0
        try:
            text, used = codecs.utf_8_decode(data, "strict", False)
        except UnicodeDecodeError:
            text, used = codecs.utf_8_decode(data, "surrogateescape", False)
            bad = len(text) - len(text.encode("utf-8", "ignore").decode())
        self._begun = data[used:]
        self._good += used - len(text)
        self._bad += bad
        if bad:
            self._number += 1
            if self._number % self._stride == 0:
                self._sample(block)

    def _sample(self, block: bytes) -> None:
        """Keep some of the fields that hold odd bytes."""
        end = taken = 0
        for match in _HIGH.finditer(block):
            if match.start() < end:
                continue
            # From one separator to another: none of these is the second byte of a character anywhere.
            before = max(
                block.rfind(mark, max(match.start() - REACH, end), match.start()) for mark in SEPARATORS
            )
            behind = [
                at for mark in SEPARATORS if (at := block.find(mark, match.end(), match.end() + REACH)) >= 0
            ]
            end = min(behind, default=match.end() + REACH)
            start = before + 1 if before >= 0 else match.start()
            self._samples.append(block[start:end])
            taken += 1
            if taken == PER_BLOCK:
                break
        if len(self._samples) > MOST_SAMPLES:  # from all over a large file, not from its beginning only
            self._samples = self._samples[::2]
            self._stride *= 2

    def verdict(self) -> Detected:
        self._bad += len(self._begun)
        if not self._bad:
            what = "every byte of it is valid" if self._good else "it is plain ASCII"
            return Detected("utf-8", f"UTF-8: {what}")
        encoding = _legacy(b"\n".join(self._samples), self._bad)
        by_chance = BY_CHANCE["multibyte" if encoding in MULTIBYTE else "single byte"]
        if self._good > by_chance * self._bad:
            return Detected("utf-8", f"UTF-8: all but {self._bad:,} bytes of it are valid")
        if encoding:
            return Detected(encoding, f"{label(encoding)}: {self._bad:,} bytes are not UTF-8 and fit it")
        return Detected("utf-8", f"UTF-8: the {self._bad:,} bytes that are not fit nothing else")


def _legacy(sample: bytes, odd: int) -> str | None:
    """The likeliest of :data:`LEGACY`, or None if the odd bytes look like damage."""
    runs = _NOT_ASCII.findall(sample.decode("cp1252", "replace"))
    strange = set("".join(runs))
    if strange <= WESTERN and (odd < FEW or len(strange) < FEW_KINDS):
        return "cp1252"
    if odd < FEW:
        return None
    import chardet  # only when needed: loading it takes longer than importing a small file

    # Accents stand one by one among Latin letters, while words of other scripts have no others.
    is_latin = strange <= WESTERN and sum(map(len, runs)) < LATIN_RUN * len(runs)
    candidates = LATIN if is_latin else LEGACY
    found = chardet.detect(sample, include_encodings=candidates)["encoding"] or candidates[0]
    # Nothing is strict here: bytes that are damaged do not keep the others from being read.
    meant = sample.decode(found, "replace")
    # Several code pages may say the same of these bytes; the likeliest may read others better.
    name = next(name for name in (*candidates, found) if sample.decode(name, "replace") == meant)
    return codecs.lookup(name).name
