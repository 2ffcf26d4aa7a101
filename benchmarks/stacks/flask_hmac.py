"""Flask that checks the signature and keeps nothing: what a receiver costs before it stores anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from flask import Flask, abort, jsonify, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)
_SECRET = os.environ["SHOPIFY_API_SECRET"].encode()


@app.post("/webhooks/shopify")
def webhook() -> ResponseReturnValue:
    """200 for a body that was signed with the secret."""
    digest = hmac.new(_SECRET, request.get_data(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest).decode(), request.headers.get("X-Shopify-Hmac-SHA256", "")):
        abort(401)
    return jsonify(status="ok")
