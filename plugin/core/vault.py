"""Encryption of stored secrets: Fernet with rotating keys."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from plugin.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Vault:
    """Seals with the newest of `SECRET_KEY`'s keys and opens with any of them, so that keys can rotate."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_fernet_key(key)) for key in keys])

    def seal(self, values: Mapping[str, str]) -> str:
        """Return a set of named secrets encrypted into one text."""
        return self._fernet.encrypt(json.dumps(dict(values)).encode()).decode()

    def open(self, sealed: str) -> dict[str, str]:
        """Return the secrets that `seal` encrypted, none where they were erased; raise `ConfigError` if no key fits."""
        if not sealed:
            return {}
        try:
            opened: dict[str, str] = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise ConfigError(
                "a stored secret was sealed with another SECRET_KEY: add the former key after a comma, newest first"
            ) from None
        return opened


def _fernet_key(text: str) -> bytes:
    """Return a key made of any text: operators paste what `openssl rand` printed, not Fernet's own format."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"crossdock stored secrets").derive(text.encode())
    return base64.urlsafe_b64encode(derived)
