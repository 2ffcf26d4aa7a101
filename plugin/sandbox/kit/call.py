"""A request as the emulators see it, and the two ways they answer."""

import json
from dataclasses import dataclass
from socket import socket
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

JsonObject = dict[str, Any]
_LOGGED = ("Content-Type", "Accept", "User-Agent", "Authorization")


class VendorError(Exception):
    """The vendor's refusal, answered in the vendor's own error form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, read to its end. `body` is parsed JSON, or the text when it is none."""

    method: str
    path: str
    query: dict[str, str]
    headers: Headers
    body: object
    text: str
    root: str
    connection: socket

    @classmethod
    def read(cls, request: Request) -> "Call":
        """Take everything an emulator may ask about from `request`."""
        text = request.get_data().decode("utf-8", "replace")
        return cls(
            method=request.method,
            path=request.path,
            query=request.args.to_dict(),
            headers=request.headers,
            body=_parse(text),
            text=text,
            root=request.host_url.rstrip("/"),
            connection=request.environ["werkzeug.socket"],
        )

    def is_json(self) -> bool:
        """Tell whether the sender declared JSON."""
        declared = self.headers.get("Content-Type") or ""
        return declared.partition(";")[0].strip().lower() == "application/json"

    def json_object(self) -> JsonObject:
        """Return the body as a JSON object; no body is an empty one."""
        if not self.text:
            return {}
        if not isinstance(self.body, dict):
            raise VendorError(400, "The body must be a JSON object")
        return self.body

    def logged_headers(self) -> dict[str, str]:
        """Return the headers worth showing, the credential masked."""
        sent = {name: self.headers[name] for name in _LOGGED if name in self.headers}
        return sent | ({"Authorization": "***"} if "Authorization" in sent else {})


def _parse(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def reply(document: object = None, status: int = 200, **headers: str) -> Response:
    """Answer JSON, or nothing at all when `document` is None."""
    text = "" if document is None else json.dumps(document, ensure_ascii=False)
    content_type = None if document is None else "application/json; charset=utf-8"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(text, status=status, headers=named, content_type=content_type)
