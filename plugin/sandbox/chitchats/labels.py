"""Labels that open: PNG, ZPL and PDF, behind signed addresses that expire (docs/vendors/chitchats.md §5)."""

import hashlib
import hmac
import secrets
import struct
import time
import zlib
from collections.abc import Iterable

from plugin.sandbox.kit.pdf import pdf

_KEY = secrets.token_bytes(32)
_WIDTH, _HEIGHT = 400, 600


def label_url(root: str, kind: str, name: str, suffix: str, seconds: float) -> str:
    """Return a signed address; how long the vendor's live is unknown, `seconds` is a setting."""
    expires = int(time.time() + seconds)
    path = f"/labels/{kind}/{name}.{suffix}"
    return f"{root}{path}?expires={expires}&signature={_sign(path, str(expires))}"


def is_signed(path: str, expires: str, signature: str) -> bool:
    """Tell whether an address was made here and is still good."""
    fresh = expires.isdigit() and int(expires) >= time.time()
    return fresh and hmac.compare_digest(_sign(path, expires).encode(), signature.encode())


def _sign(path: str, expires: str) -> str:
    return hmac.new(_KEY, f"{path}?{expires}".encode(), hashlib.sha256).hexdigest()


def png(lines: Iterable[str]) -> bytes:
    """Return a grey 4 x 6 inch picture at 100 dpi: bars made of the bits of the text, since there is no font here."""
    bits = "".join(f"{byte:08b}" for byte in hashlib.sha256("\n".join(lines).encode()).digest())
    bars = bytes(0 if bits[column // 3] == "1" else 255 for column in range(300))
    bar_row = b"\0" + b"\xff" * 50 + bars + b"\xff" * 50
    blank = b"\0" + b"\xff" * _WIDTH
    rows = blank * 400 + bar_row * 150 + blank * 50
    head = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zpl(lines: Iterable[str]) -> bytes:
    """Return the label as ZPL, which is text (§5)."""
    # ^ and ~ begin commands.
    safe = (line.replace("^", " ").replace("~", " ") for line in lines)
    fields = "".join(f"^FO40,{40 + 60 * place}^A0N,40,40^FD{line}^FS\n" for place, line in enumerate(safe))
    return f"^XA\n^CI28\n{fields}^XZ\n".encode()


DRAWN = {"png": (png, "image/png"), "zpl": (zpl, "text/plain; charset=utf-8"), "pdf": (pdf, "application/pdf")}
