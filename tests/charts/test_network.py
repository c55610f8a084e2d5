"""Who may speak to whom: exactly the flows of the architecture, opened on both sides."""

from collections.abc import Callable
from typing import Any

import pytest

Objects = list[dict[str, Any]]
Flow = tuple[str, str, int]

SERVICES = {"gateway", "registry", "ingest", "kpi", "alerts", "soc-bridge"}
STORES = SERVICES - {"gateway"}
INSIDE: set[Flow] = {
    *(("gateway", peer, 50051) for peer in STORES),
    ("kpi", "ingest", 50051),
}
OUT: set[Flow] = {
    *((each, "dns", 53) for each in SERVICES),
    *((each, "nats", 4222) for each in SERVICES),
    *((each, "identity", 8443) for each in SERVICES),
    *((each, "postgres", 5432) for each in STORES),
    ("ingest", "nats", 1883),
}
TELEMETRY: set[Flow] = {(each, "telemetry", 4318) for each in SERVICES}
_NAMESPACES = {
    "kube-system": "dns",
    "nats": "nats",
    "postgres": "postgres",
    "keycloak": "identity",
    "telemetry": "telemetry",
    "ingress": "ingress",
}


@pytest.fixture
def flows() -> Callable[[Objects, str, str], set[Flow]]:
    """The flows that the policies of a component open in a direction, as (from, to, port)."""

    def opened(objects: Objects, component: str, direction: str) -> set[Flow]:
        found = set()
        for policy in objects:
            if policy["kind"] != "NetworkPolicy":
                continue
            labels = policy["spec"]["podSelector"].get("matchLabels", {})
            if labels.get("app.kubernetes.io/component") != component:
                continue
            own = labels["app.kubernetes.io/name"]
            for rule in policy["spec"].get(direction, []):
                for peer in rule["from" if direction == "ingress" else "to"]:
                    for port in rule["ports"]:
                        ends = (_name(peer), own) if direction == "ingress" else (own, _name(peer))
                        found.add((*ends, port["port"]))
        return found

    return opened


def _name(peer: dict[str, Any]) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    if "namespaceSelector" in peer:
        return _NAMESPACES[peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]]
    labels = peer["podSelector"]["matchLabels"]
    assert labels["app.kubernetes.io/component"] == "service"
    assert labels["app.kubernetes.io/part-of"] == "ioc"
    return str(labels["app.kubernetes.io/name"])


def test_the_province_opens_exactly_these_flows(
    render: Callable[..., Objects], flows: Callable[[Objects, str, str], set[Flow]]
) -> None:
    objects = render("values-province.yaml")
    assert flows(objects, "service", "egress") == INSIDE | OUT | TELEMETRY
    assert flows(objects, "service", "ingress") == INSIDE | {
        ("ingress", "gateway", 8080),
        ("ingress", "ingest", 50051),
        ("192.0.2.0/24", "soc-bridge", 6514),
    }


def test_a_centre_lets_in_the_browser_only(
    render: Callable[..., Objects], flows: Callable[[Objects, str, str], set[Flow]]
) -> None:
    objects = render("values-centre.yaml")
    assert flows(objects, "service", "egress") == INSIDE | OUT
    assert flows(objects, "service", "ingress") == INSIDE | {("ingress", "gateway", 8080)}


def test_a_migration_reaches_the_database_and_nothing_reaches_it(
    profile: Objects, flows: Callable[[Objects, str, str], set[Flow]]
) -> None:
    wanted = {(each, part, port) for each in STORES for part, port in (("postgres", 5432), ("dns", 53))}
    assert flows(profile, "migration", "egress") == wanted
    assert flows(profile, "migration", "ingress") == set()


def test_no_rule_means_everybody(profile: Objects) -> None:
    policies = [each for each in profile if each["kind"] == "NetworkPolicy"]
    assert len(policies) == 6 + 5 + 1
    for policy in policies:
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction, []):
                assert rule[side], policy["metadata"]["name"]
                assert rule["ports"], policy["metadata"]["name"]
                assert all(peer for peer in rule[side])


def test_the_rest_of_the_namespace_is_denied(profile: Objects) -> None:
    denied = [each["spec"] for each in profile if each["metadata"]["name"] == "ioc-default-deny"]
    assert denied == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]


def test_every_pod_is_behind_its_own_policy(profile: Objects) -> None:
    selectors = [
        each["spec"]["podSelector"]["matchLabels"]
        for each in profile
        if each["kind"] == "NetworkPolicy" and each["spec"]["podSelector"]
    ]
    for each in profile:
        if each["kind"] in ("Deployment", "Job"):
            labels = each["spec"]["template"]["metadata"]["labels"]
            assert sum(selector.items() <= labels.items() for selector in selectors) == 1, each["metadata"]["name"]


def test_syslog_is_open_to_the_named_networks_only(render: Callable[..., Objects]) -> None:
    (door,) = [each for each in render("values-province.yaml") if each["metadata"]["name"] == "ioc-soc-bridge-door"]
    assert door["spec"]["loadBalancerSourceRanges"] == ["192.0.2.0/24"]
    assert door["spec"]["externalTrafficPolicy"] == "Local"
    with pytest.raises(RuntimeError, match="sources"):
        render("values-province.yaml", "--set-json", "soc-bridge.door.sources=[]")


def test_services_find_each_other_by_the_names_that_exist(render: Callable[..., Objects]) -> None:
    objects = render("values-province.yaml", "--namespace", "platform")
    existing = {
        f"{each['metadata']['name']}.{each['metadata']['namespace']}.svc:{port['port']}"
        for each in objects
        if each["kind"] == "Service"
        for port in each["spec"]["ports"]
    }
    asked = {
        variable["value"]
        for each in objects
        if each["kind"] == "Deployment"
        for variable in each["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"].endswith("_ADDRESS")
    }
    assert len(asked) == 5
    assert asked <= existing
