"""Reads who we are to the servers of the bus: from environment variables and from files.

What is missing or cannot be read is the operator's mistake, and is named without its secret.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.errors import OperatorError
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import token

INBOX = "_INBOX"
"""Subjects of answers begin with this; those to a user with a name go on with it."""


def client_options(settings: BusSettings, env: Mapping[str, str]) -> dict[str, Any]:
    """The options of the client by which it proves who we are. Raises OperatorError."""
    options: dict[str, Any] = {}
    if settings.user_env:
        options |= {"user": _variable("bus.user_env", settings.user_env, env)}
        options |= {"password": _variable("bus.password_env", settings.password_env, env)}
        options["inbox_prefix"] = (
            f"{INBOX}.{token(options['user'])}"  # nobody else need be allowed to read answers to us
        )
    if settings.token_env:
        options["token"] = _variable("bus.token_env", settings.token_env, env)
    if settings.credentials_file:
        options["user_credentials"] = _file("bus.credentials_file", settings.credentials_file)
    if settings.seed_file:
        options["nkeys_seed"] = _file("bus.seed_file", settings.seed_file)
    if (
        settings.ca_file
        or settings.certificate_file
        or any(one.startswith(("tls:", "wss:")) for one in settings.servers)
    ):
        options["tls"] = _tls(settings)
    return options


def _variable(key: str, name: str, env: Mapping[str, str]) -> str:
    value = env.get(name, "")
    if not value:
        raise OperatorError(key, name, "the name of an environment variable that is set", f"set {name}")
    return value


def _file(key: str, given: str) -> str:
    path = Path(given).expanduser()
    try:
        path.read_bytes()
    except OSError as error:
        raise OperatorError(key, given, "a file that can be read", str(error.strerror)) from None
    return str(path)


def _tls(settings: BusSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=_file("bus.ca_file", settings.ca_file) if settings.ca_file else None
        )
    except ssl.SSLError as error:
        raise OperatorError("bus.ca_file", settings.ca_file, "certificates in PEM", f"{error.reason}") from None
    if settings.certificate_file:
        certificate = _file("bus.certificate_file", settings.certificate_file)
        key = _file("bus.key_file", settings.key_file)
        try:
            context.load_cert_chain(certificate, key)
        except ssl.SSLError as error:
            raise OperatorError(
                "bus.certificate_file",
                settings.certificate_file,
                "a certificate in PEM, and key_file its key",
                f"{error.reason}",
            ) from None
    return context
