"""The Host header: loopback, the configured host and the operator's names are served, nothing else."""

from __future__ import annotations

import pytest

from monitor.errors import OperatorError
from monitor.settings.reader import read
from monitor.web.hosts import host_of, is_served, plain
from monitor.web.settings import WebSettings


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST.:9464", "localhost"),
        ("127.0.0.1:9464", "127.0.0.1"),
        ("[::1]:9464", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[::ffff:127.0.0.1]:1", "127.0.0.1"),
        ("", None),
        ("a b", None),
        ("user@localhost", None),
        ("localhost:port", None),
        ("::1", None),
        ("localhost/x", None),
    ],
)
def test_the_host_of_a_header_is_compared_without_port_case_and_last_dot(header: str, host: str | None) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "stormwatch.desk.example", "192.0.2.7"])
def test_loopback_the_operators_names_and_the_address_reached_are_served(host: str) -> None:
    assert is_served(host, {"stormwatch.desk.example"}, "192.0.2.7")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.8", "2130706433", "x-localhost"],
)
def test_every_other_name_or_address_is_refused(host: str) -> None:
    assert not is_served(host, {"stormwatch.desk.example"}, "192.0.2.7")
    assert not is_served(host, (), None)


def test_names_of_the_settings_are_compared_as_headers_are() -> None:
    assert plain("Desk.Example.") == "desk.example"
    assert plain("[::1]") == plain("::1") == "::1"


@pytest.mark.parametrize("name", ["*", "https://desk.example", "desk.example/x", "", "a b"])
def test_a_name_that_is_no_host_is_an_operators_mistake(name: str) -> None:
    with pytest.raises(OperatorError, match="allowed_hosts"):
        read(WebSettings, {"allowed_hosts": [name]}, "web")


def test_the_number_of_names_is_bounded() -> None:
    assert len(WebSettings(allowed_hosts=("a",) * 64).allowed_hosts) == 64
    with pytest.raises(ValueError, match="at most 64"):
        WebSettings(allowed_hosts=("a",) * 65)
