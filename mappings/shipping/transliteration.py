"""Transliteration of other scripts into Latin letters, for vendors that print nothing else."""

from __future__ import annotations

from anyascii import anyascii


def latin(text: str, *, accents: bool = True) -> str:
    """Write every character that is not Latin in Latin letters; with `accents`, those of Western Europe are kept.

    It is a transliteration, not a translation: what a courier reads aloud is still the same street.
    """
    kept = "latin-1" if accents else "ascii"
    return "".join(char if _fits(char, kept) else anyascii(char) for char in text)


def _fits(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
