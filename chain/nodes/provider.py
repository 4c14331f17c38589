"""Says which party runs a node, by its URL. Endpoints of one provider are one voice where nodes disagree.

Names are cut by the Public Suffix List (publicsuffix.org) as the library `tldextract` ships it; nothing is fetched or written.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tldextract import TLDExtract

HERE = "127.0.0.1"
_OURS = frozenset({"localhost", "::1"})


def provider_of(url: str) -> str:
    """Return the provider of a node with this URL: the registrable name of its host, or the host itself where it has none.

    An address and a bare host name are their own provider. `localhost` and `::1` are the machine that `127.0.0.1` is.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host in _OURS:
        return HERE
    try:
        return str(ip_address(host))
    except ValueError:
        return (_names()(host).top_domain_under_public_suffix if "." in host else "") or host


@cache
def _names() -> TLDExtract:
    from tldextract import TLDExtract  # it takes a tenth of a second, and most nodes need no name cut

    return TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
