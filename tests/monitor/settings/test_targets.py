"""The operator's own targets in the settings: secrets stay outside, and all mistakes are told at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from monitor.daemon.assembly import target_expectations, watched_of
from monitor.errors import OperatorError, SeveralMistakes
from monitor.settings.check import check, check_url
from monitor.settings.reader import read
from monitor.settings.targets import targets_of
from monitor.settings.tree import Settings
from probes.rest.target import BodyCondition


def settings(text: str) -> Settings:
    found = read(Settings, tomllib.loads(f"[assets.BTC]\n[assets.ETH]\n{text}"))
    check(found)
    return found


def targets(text: str, **env: str) -> Any:
    return targets_of(settings(text).targets, env, check_url)


FULL = """
[targets.rpc]
url_env = "RPC_URL"
assets = ["ETH"]
weight = 0.5
body = { jsonrpc = "2.0", id = 1, method = "eth_blockNumber", params = [] }
headers = { Accept = "application/json" }
headers_env = { Authorization = "RPC_AUTH" }
statuses = [200, 203]
conditions = [{ path = "$.result", least = 1 }, { path = "$.error", exists = false }]
latency_s = "800ms"
every_s = "15s"
"""


def test_a_whole_target_is_read_with_its_secrets_from_the_environment(tmp_path: Path) -> None:
    held = tmp_path / "key"
    held.write_text("k3y\n")
    text = f'{FULL}headers_file = {{ X-Api-Key = "{held}" }}'
    [one] = targets(text, RPC_URL="https://node.example/v3/p4th", RPC_AUTH="Bearer s3cret")

    assert (one.id, one.url, one.statuses) == ("target:rpc", "https://node.example/v3/p4th", (200, 203))
    assert one.headers == {"Accept": "application/json", "Authorization": "Bearer s3cret", "X-Api-Key": "k3y"}
    assert one.body == b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
    assert one.conditions == (BodyCondition(path="$.result", least=1), BodyCondition(path="$.error", exists=False))
    assert (one.latency_s, one.every_s, one.timeout_s) == (0.8, 15.0, 5.0)
    assert not any(secret in repr(one) for secret in ("s3cret", "k3y", "p4th"))


def test_no_secret_is_in_what_may_be_shown() -> None:
    text = '[targets.a]\nurl = "https://user:s3cret@node.example/v3/p4th?key=k3y"'

    assert not any(secret in str(settings(text).public()) for secret in ("s3cret", "k3y", "p4th"))


def test_a_target_is_expected_for_the_assets_that_depend_on_it() -> None:
    found = settings(f'{FULL}[targets.site]\nurl = "https://x"\n[targets.off]\nurl = "https://x"\nenabled = false')
    site, rpc = sorted(
        targets_of(found.targets, {"RPC_URL": "wss://x", "RPC_AUTH": "a"}, check_url), key=lambda one: one.url
    )

    assert [(one.source, one.subject.asset, one.gap_s) for one in target_expectations(found, rpc)] == [
        ("target:rpc/websocket", "ETH", 35.0)
    ]
    assert [one.subject.asset for one in target_expectations(found, site)] == ["BTC", "ETH"]
    assert {one.attributes["weight"] for one in target_expectations(found, rpc)} == {0.5}
    watched = watched_of(found)
    assert [watched.covers(f"target:{name}") for name in ("rpc", "site", "off", "gone")] == [True, True, False, False]


MISTAKES = {
    "no address": ("[targets.a]", "targets.a.url", "either url or url_env"),
    "two addresses": ('[targets.a]\nurl = "https://x"\nurl_env = "X"', "targets.a.url", "either url or url_env"),
    "another scheme": ('[targets.a]\nurl = "ftp://x"', "targets.a.url", "wss://"),
    "a name that is no label": ('[targets."A b"]\nurl = "https://x"', "A b", "a-z"),
    "an asset that is not watched": ('[targets.a]\nurl = "https://x"\nassets = ["ETC"]', "targets.a.assets", "'ETH'"),
    "too often": ('[targets.a]\nurl = "https://x"\nevery_s = 0.1', "targets.a.every_s", "1 s or more"),
    "too patient": ('[targets.a]\nurl = "https://x"\ntimeout_s = "1m"', "targets.a.timeout_s", "at most every_s"),
    "latency beyond the time-out": ('[targets.a]\nurl = "https://x"\nlatency_s = 6', "targets.a.latency_s", "timeout_s"),
    "no bytes": ('[targets.a]\nurl = "https://x"\nmax_bytes = 0', "targets.a.max_bytes", "8000000"),
    "too heavy": ('[targets.a]\nurl = "https://x"\nweight = 2', "targets.a.weight", "at most 1"),
    "a redirect": ('[targets.a]\nurl = "https://x"\nstatuses = [301]', "targets.a.statuses", "no redirect is followed"),
    "no status": ('[targets.a]\nurl = "https://x"\nstatuses = []', "targets.a.statuses", "at least one"),
    "an impossible status": ('[targets.a]\nurl = "https://x"\nstatuses = [99]', "targets.a.statuses", "200 to 599"),
    "a secret in the file": (
        '[targets.a]\nurl = "https://x"\nheaders = { Authorization = "Bearer s3cret" }', "headers.Authorization", "headers_env",
    ),
    "a secret for a name": (
        '[targets.a]\nurl = "https://x"\nheaders_env = { X-Key = "Bearer s3cret" }', "headers_env.X-Key", "not its value",
    ),
    "a header of the protocol": ('[targets.a]\nurl = "https://x"\nheaders = { Host = "y" }', "headers.Host", "take it out"),
    "a header of two lines": ('[targets.a]\nurl = "https://x"\nheaders = { Accept = "a\\nb" }', "headers.Accept", "one line"),
    "a header twice": (
        '[targets.a]\nurl = "https://x"\nheaders = { Range = "a" }\nheaders_env = { range = "B" }', "range", "each header once",
    ),
    "a path that is none": ('[targets.a]\nurl = "https://x"\nconditions = [{ path = "a" }]', "conditions[0].path", "JSONPath"),
    "a condition without a path": ('[targets.a]\nurl = "https://x"\nconditions = [{ least = 1 }]', "path", "is missing"),
    "an equal list": (
        '[targets.a]\nurl = "https://x"\nconditions = [{ path = "$", equals = [1] }]', "conditions[0].equals", "text, a number",
    ),
    "bounds turned round": (
        '[targets.a]\nurl = "https://x"\nconditions = [{ path = "$", least = 2, most = 1 }]', "conditions[0].least", "most",
    ),
    "a pattern without bound": (
        '[targets.a]\nurl = "https://x"\nconditions = [{ path = "$", matches = "(a+)+" }]', "conditions[0].matches", "repeated",
    ),
    "absent and equal": (
        '[targets.a]\nurl = "https://x"\nconditions = [{ path = "$", exists = false, equals = 1 }]', "equals", "exists = false",
    ),
    "a body of text": ('[targets.a]\nurl = "https://x"\nbody = "x"', "targets.a.body", "a table or a list"),
    "a body too long": (f'[targets.a]\nurl = "https://x"\nbody = ["{"x" * 65_536}"]', "targets.a.body", "65536 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_key_what_is_allowed_and_no_secret(mistake: str) -> None:
    text, *words = MISTAKES[mistake]

    with pytest.raises(OperatorError) as caught:
        settings(text)
    for word in words:
        assert word in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_all_mistakes_of_all_targets_are_told_at_once() -> None:
    with pytest.raises(SeveralMistakes) as caught:
        settings('[targets.a]\nurl = "ftp://x"\nweight = 3\n[targets.b]\nurl = "https://x"\nstatuses = [302]')

    assert [one.key for one in caught.value.mistakes] == ["targets.a.url", "targets.a.weight", "targets.b.statuses"]
    assert len(str(caught.value).splitlines()) == 3


def test_all_wrong_types_of_the_whole_tree_are_told_at_once() -> None:
    with pytest.raises(SeveralMistakes) as caught:
        settings('[targets.a]\nurl = 3\nevery = 1\n[targets.b]\nlatency_s = "soon"\n[web]\nport = "x"')

    assert {one.key for one in caught.value.mistakes} == {
        "targets.a.url", "targets.a.every", "targets.b.latency_s", "web.port",
    }  # fmt: skip


def test_a_great_number_of_mistakes_is_cut() -> None:
    text = "\n".join(f'[targets.t{number}]\nurl = "ftp://x"' for number in range(60))

    with pytest.raises(SeveralMistakes) as caught:
        settings(text)
    assert str(caught.value).splitlines()[-1].strip() == "and 10 more"


def test_too_many_targets_are_refused() -> None:
    with pytest.raises(OperatorError, match="at most 64 targets"):
        settings("\n".join(f'[targets.t{number}]\nurl = "https://x"' for number in range(65)))


def test_all_secrets_that_are_missing_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "two").write_text("a\nb")
    text = (
        f'[targets.a]\nurl_env = "NO_URL"\nheaders_env = {{ X-Key = "NO_KEY" }}\nca_file = "{tmp_path}/none.pem"\n'
        f'headers_file = {{ X-A = "{tmp_path}/none", X-B = "{tmp_path}/two" }}\n[targets.b]\nurl_env = "B_URL"'
    )

    with pytest.raises(SeveralMistakes) as caught:
        targets(text, B_URL="s3cret")
    assert [one.key for one in caught.value.mistakes] == [
        "targets.a.url_env", "targets.a.headers_env.X-Key", "targets.a.headers_file.X-A", "targets.a.headers_file.X-B",
        "targets.a.ca_file", "targets.b.url_env (B_URL)",
    ]  # fmt: skip
    assert "s3cret" not in str(caught.value)
