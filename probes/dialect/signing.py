"""Makes the signed requests of venues whose signature is an HMAC-SHA256 of a text: of the query, or of a form with more. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from probes.dialect import decode
from probes.venue import Keys, RestCall, SignedRequest

Sign = Callable[[RestCall, Keys, datetime], SignedRequest]


def signs(header: str) -> Sign:
    """The function `Venue.sign` of a venue that wants the HMAC-SHA256 of the query with its timestamp; the key is in `header`."""

    def sign(call: RestCall, keys: Keys, now: datetime) -> SignedRequest:
        query = urlencode({**call.query, "timestamp": _milliseconds(now), "recvWindow": "5000"})
        signature = decode.signature(keys.secret, query).hex()
        return SignedRequest(query=f"{query}&signature={signature}", headers={header: keys.key})

    return sign


def signs_text(text: str, headers: Mapping[str, str], *, base64: bool = False, iso: bool = False) -> Sign:
    """The function `Venue.sign` of a venue whose signature is of `text` and stands in a header, in hex or `base64`.

    Both are forms with {stamp} (unix milliseconds, or `iso` with milliseconds), {key}, {passphrase}, {path}, {query} and {asked}
    (the query after a question mark, if there is one); the headers have {signature} too.
    """

    def sign(call: RestCall, keys: Keys, now: datetime) -> SignedRequest:
        query = urlencode(call.query)
        known = {
            "stamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z" if iso else _milliseconds(now),
            "key": keys.key, "passphrase": keys.passphrase, "path": call.path, "query": query,
            "asked": f"?{query}" if query else "",
        }  # fmt: skip
        signed = decode.signature(keys.secret, text.format(**known))
        signature = b64encode(signed).decode() if base64 else signed.hex()
        filled = {name: form.format(**known, signature=signature) for name, form in headers.items()}
        return SignedRequest(query=query, headers=filled)

    return sign


def _milliseconds(now: datetime) -> str:
    return str(int(now.timestamp() * 1000))
