"""Receipts to look at: small real PDFs, PNGs and JPEGs, each unlike every other.

Made by hand, byte by byte, so that the sandbox needs no imaging library.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Sequence

from counterfoil.sandbox.model import Receipt

__all__ = ["DOCUMENTS", "jpeg", "pdf", "png"]


def pdf(lines: Sequence[str]) -> Receipt:
    """Write lines on a page; characters outside of Latin-1 become question marks."""
    shown = b" ".join(b"(%s) '" % _pdf_text(line) for line in lines)
    content = b"BT /F1 11 Tf 16 TL 24 300 Td %s ET" % shown
    bodies = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 260 340] /Contents 4 0 R %s >>" % _FONTS,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    return Receipt(_pdf_file(bodies), "application/pdf")


_FONTS = b"/Resources << /Font << /F1 5 0 R >> >>"


def _pdf_text(line: str) -> bytes:
    text = line.encode("latin-1", "replace")
    return text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _pdf_file(bodies: Sequence[bytes]) -> bytes:
    data = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(bodies, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(bodies) + 1
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(data))
    )


def png(lines: Sequence[str]) -> Receipt:
    """Draw a slip of paper whose bars are as long as the lines, with the lines as its comment."""
    width, rows = 96, [_blank(96)] * 6
    for line in lines:
        bar = min(len(line) * 2, width - 12)
        rows += [b"\xf8" * 6 + b"\x30" * bar + b"\xf8" * (width - 6 - bar)] * 3 + [_blank(96)] * 5
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    comment = b"Comment\0" + " / ".join(lines).encode("latin-1", "replace")
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tEXt", comment), (b"IDAT", pixels), (b"IEND", b""))
    return Receipt(b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, chunks)), "image/png")


def _blank(width: int) -> bytes:
    return b"\xf8" * width


def _chunk(named: tuple[bytes, bytes]) -> bytes:
    name, data = named
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAGRFS1hLP2RYUVhxamR3lvqjloqKlv/b57X6////////////////////////////"
    "////////////////////////wAALCABAADABAREA/8QAGAAAAwEBAAAAAAAAAAAAAAAAAAIDAQT/xAAnEAACAQIEBgIDAAAA"
    "AAAAAAABAgADEQQSIVITMXGBkfAi4UFh8f/aAAgBAQAAPwDpZgq3Y2AipURzZTc9I8IQi1DZD8c36kRUKm4w5HQfUrTYutyp"
    "XXkY8IRXDFTkNmksuI3r72hlxG9fe0st8ovztrNhEqhTTOc2Wc+XD7297Qy4fe3vaaooKwIdtDf3SXSojmym56R4rctRfUaQ"
    "4abF8Q4abF8Q4abF8QCqpuFA6CNFcMVOQ2aLTFUN82BFvx/JSEIRKoU0znNlnPlw+9ve0pTqUaa2DnnfUfUsCCARyM2EwgEW"
    "IuJnDTYviHDTYviaNBYTYT//2Q=="
)
"""A photographed slip, 48 by 64 pixels."""


def jpeg(lines: Sequence[str]) -> Receipt:
    """Return the photograph of a slip, with the lines as its comment."""
    comment = " / ".join(lines).encode("utf-8")[:60000]
    segment = b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    return Receipt(_JPEG[:2] + segment + _JPEG[2:], "image/jpeg")


DOCUMENTS: Sequence[Callable[[Sequence[str]], Receipt]] = (pdf, pdf, png, jpeg)
"""The kinds of receipts that expenses come with; PDFs most of all."""
