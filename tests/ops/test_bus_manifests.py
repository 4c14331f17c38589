"""Compose and Kubernetes of `ops/bus`: they parse, their names belong together, and no container has more rights than it needs.

Where kubectl is found, it builds the whole; nothing here is started.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.settings import load_settings

OPS = Path(__file__).parents[2] / "ops"
BUS = OPS / "bus"
AGENTS = ("eu", "us", "asia")
SERVERS = tuple(f"tls://nats-{number}.nats:4222" for number in range(3))
IDENTITY = {"BUS_USER": "x", "BUS_PASSWORD": "x", "STORMWATCH_DSN": "postgresql://x@y/z", "STORMWATCH_BOARD_TOKEN": "t"}
MANIFESTS = ("agents/base/agent.yaml", "servers/servers.yaml", "correlators/correlators.yaml")
KUBECTL = shutil.which("kubectl")


def documents(name: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all((BUS / name).read_text(encoding="utf-8")) if one]


def of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    return [one for one in documents(name) if one["kind"] == kind]


def compose() -> dict[str, Any]:
    found = yaml.safe_load((BUS / "compose.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("vantage", AGENTS)
def test_an_agents_settings_are_good_and_reach_the_servers_by_name(vantage: str) -> None:
    settings = load_settings(BUS / "agents" / vantage / "agent.toml", IDENTITY)

    assert settings.vantage == vantage
    assert settings.bus.servers == SERVERS
    assert settings.bus.replicas == 3


def test_the_correlators_settings_are_good_and_each_has_a_partition() -> None:
    file = BUS / "correlators" / "correlator.toml"
    both = [load_settings(file, {**IDENTITY, "STORMWATCH_BUS__PARTITION": str(number)}).bus for number in range(2)]

    assert [one.partition for one in both] == [0, 1]
    assert {one.partitions for one in both} == {2}
    assert {one.servers for one in both} == {SERVERS}
    assert {one.vantages for one in both} == {AGENTS}


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_container_runs_without_root_and_writes_only_where_it_must(name: str) -> None:
    for one in of_kind(name, "StatefulSet"):
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] is True
            assert rights["allowPrivilegeEscalation"] is False
            assert rights["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_container_is_probed_at_a_port_that_it_has(name: str) -> None:
    for one in of_kind(name, "StatefulSet"):
        for container in one["spec"]["template"]["spec"]["containers"]:
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] in ports


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_mount_and_every_service_has_what_it_names(name: str) -> None:
    services = {one["metadata"]["name"]: one["spec"]["selector"] for one in of_kind(name, "Service")}
    for one in of_kind(name, "StatefulSet"):
        spec, pod = one["spec"], one["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        volumes |= {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert services[spec["serviceName"]].items() <= spec["template"]["metadata"]["labels"].items()
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_the_servers_of_both_are_the_three_that_the_settings_name() -> None:
    (stateful,) = of_kind("servers/servers.yaml", "StatefulSet")
    words = stateful["spec"]["template"]["spec"]["containers"][0]["args"]
    routes = next(one for one in words if one.startswith("-routes=")).removeprefix("-routes=").split(",")

    assert stateful["spec"]["replicas"] == 3
    assert routes == [f"nats://nats-{number}.nats:6222" for number in range(3)]
    for number in range(3):
        service = compose()["services"][f"nats-{number}"]
        assert service["networks"]["default"]["aliases"] == [f"nats-{number}.nats"]
        assert f"-routes={','.join(routes)}" in service["command"]


def test_compose_has_three_agents_three_servers_and_two_correlators() -> None:
    found = compose()
    names = set(found["services"])
    ours = {f"agent-{one}" for one in AGENTS} | {f"nats-{n}" for n in range(3)} | {f"correlator-{n}" for n in range(2)}

    assert names == ours | {"postgres-0", "postgres-1"}
    for name in ours:
        service = found["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            made_first = source.startswith("./tls")
            assert made_first or (BUS / source).exists() or source in found["volumes"], source
    partitions = {found["services"][f"correlator-{n}"]["environment"]["STORMWATCH_BUS__PARTITION"] for n in range(2)}
    assert partitions == {"0", "1"}


@pytest.mark.parametrize("file", sorted((BUS).rglob("kustomization.yaml")), ids=str)
def test_a_kustomization_names_files_that_are_there(file: Path) -> None:
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    maps = [name for one in found.get("configMapGenerator", []) for name in one["files"]]

    assert all((file.parent / name).exists() for name in (*found["resources"], *maps))


@pytest.mark.skipif(KUBECTL is None, reason="no kubectl")
def test_kubectl_builds_the_whole_and_each_agent_gets_its_own_settings() -> None:
    assert KUBECTL is not None
    built = subprocess.run([KUBECTL, "kustomize", str(BUS)], check=True, capture_output=True, timeout=60).stdout
    found = [one for one in yaml.safe_load_all(built) if one]
    maps = {one["metadata"]["name"]: one["data"] for one in found if one["kind"] == "ConfigMap"}
    sets = {one["metadata"]["name"]: one for one in found if one["kind"] == "StatefulSet"}

    assert set(sets) == {"nats", "correlator", *(f"agent-{one}" for one in AGENTS)}
    for vantage in AGENTS:
        spec = sets[f"agent-{vantage}"]["spec"]
        (settings,) = (one["configMap"]["name"] for one in spec["template"]["spec"]["volumes"] if "configMap" in one)
        assert f'vantage = "{vantage}"' in maps[settings]["agent.toml"]
        assert spec["serviceName"] == f"agent-{vantage}"
        user = next(one for one in spec["template"]["spec"]["containers"][0]["env"] if one["name"] == "BUS_USER")
        assert user["value"] == vantage
