"""What Helm renders: walls around every pod, probes, an orderly end, migrations first."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Objects = list[dict[str, Any]]
OfKind = Callable[[Objects, str], dict[str, dict[str, Any]]]


@pytest.fixture
def pods(profile: Objects) -> list[dict[str, Any]]:
    """The pod of every Deployment and Job."""
    found = [each["spec"]["template"]["spec"] for each in profile if each["kind"] in ("Deployment", "Job")]
    assert len(found) == 11
    return found


@pytest.fixture
def containers(pods: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (container for pod in pods for container in pod["containers"])


def test_every_pod_runs_without_root_and_without_a_token(pods: list[dict[str, Any]]) -> None:
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_every_container_is_read_only_and_without_capabilities(containers: Iterator[dict[str, Any]]) -> None:
    for container in containers:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "privileged": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["volumeMounts"] == [{"name": "scratch", "mountPath": "/tmp"}]
        assert {"cpu", "memory"} == set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def test_secrets_come_by_reference_and_are_never_optional(containers: Iterator[dict[str, Any]]) -> None:
    secret = re.compile("PASSWORD|SECRET|SEED|DATABASE_URL")
    met = 0
    for container in containers:
        for each in container["env"]:
            if secret.search(each["name"]):
                assert set(each["valueFrom"]["secretKeyRef"]) == {"name", "key"}
                met += 1
            else:
                assert "valueFrom" not in each
    assert met


def test_services_are_asked_by_grpc_and_the_gateway_by_http(profile: Objects, of_kind: OfKind) -> None:
    for name, deployment in of_kind(profile, "Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        probes = {kind: container[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")}
        if name == "ioc-gateway":
            paths = {kind: probe["httpGet"]["path"] for kind, probe in probes.items()}
            assert paths == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}
        else:
            assert all(probe["grpc"] == {"port": 50051} for probe in probes.values())


@pytest.mark.parametrize("drain", ["1", "10", "42.5"])
def test_the_grace_period_holds_the_pause_and_the_drain(
    drain: str, render: Callable[..., Objects], of_kind: OfKind
) -> None:
    objects = render("values-centre.yaml", "--set-json", f"kpi.settings.drainSeconds={drain}")
    pod = of_kind(objects, "Deployment")["ioc-kpi"]["spec"]["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= pause + float(drain) + 5


def test_migrations_run_before_pods_as_the_owner_behind_a_wall_that_stands_already(
    profile: Objects, of_kind: OfKind
) -> None:
    jobs, policies = of_kind(profile, "Job"), of_kind(profile, "NetworkPolicy")
    assert set(jobs) == {f"ioc-{each}-migration" for each in ("registry", "ingest", "kpi", "alerts", "soc-bridge")}
    for name, job in jobs.items():
        hook = job["metadata"]["annotations"]
        assert hook["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert job["spec"]["template"]["spec"]["containers"][0]["command"][-1] == "migrate"
        wall = policies[name]
        assert wall["metadata"]["annotations"]["helm.sh/hook"] == hook["helm.sh/hook"]
        assert int(wall["metadata"]["annotations"]["helm.sh/hook-weight"]) < int(hook["helm.sh/hook-weight"])
        selector = wall["spec"]["podSelector"]["matchLabels"]
        assert selector.items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_only_the_migration_knows_the_owner(profile: Objects) -> None:
    for each in profile:
        if each["kind"] in ("Deployment", "Job"):
            text = str(each["spec"]["template"]["spec"])
            assert ("owner-url" in text) is (each["kind"] == "Job")


def test_a_release_of_another_name_makes_the_same_addresses(render: Callable[..., Objects]) -> None:
    one, other = (
        {(each["kind"], each["metadata"]["name"]) for each in render("values-province.yaml", release=release)}
        for release in ("ioc", "other")
    )
    assert one == other


def test_a_digest_wins_over_a_tag(render: Callable[..., Objects], of_kind: OfKind) -> None:
    digest = "sha256:" + "a" * 64
    objects = render(
        "values-centre.yaml",
        *("--set", "kpi.image.tag=1.2.3", "--set", f"registry.image.digest={digest}"),
        *("--set", "global.image.registry=images.example/team"),
    )
    images = {
        name: each["spec"]["template"]["spec"]["containers"][0]["image"]
        for name, each in of_kind(objects, "Deployment").items()
    }
    assert images["ioc-kpi"] == "images.example/team/ioc/kpi:1.2.3"
    assert images["ioc-registry"] == f"images.example/team/ioc/registry@{digest}"
    assert images["ioc-alerts"] == "images.example/team/ioc/alerts:0.1.0"


def test_the_autoscaler_takes_over_the_number_of_pods(render: Callable[..., Objects], of_kind: OfKind) -> None:
    objects = render("values-province.yaml")
    assert "replicas" not in of_kind(objects, "Deployment")["ioc-gateway"]["spec"]
    assert of_kind(objects, "HorizontalPodAutoscaler")["ioc-gateway"]["spec"]["minReplicas"] == 2
    assert not of_kind(render("values-centre.yaml"), "HorizontalPodAutoscaler")


def test_the_readme_names_every_secret_to_create(charts: Path, profile: Objects) -> None:
    text = (charts / "README.md").read_text(encoding="utf-8")
    references = {
        (reference["name"], reference["key"])
        for each in profile
        if each["kind"] in ("Deployment", "Job")
        for variable in each["spec"]["template"]["spec"]["containers"][0]["env"]
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
    }
    assert references
    missing = [pair for pair in references if not re.search(rf"`{pair[0]}`.*`{pair[1]}`", text)]
    assert missing == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("regsitry.replicas=3", "regsitry"),
        ("registry.replica=3", "replica"),
        ("registry.secrets.natsPassword.key=null", "key"),
        ("ingest.door.host=", "host"),
        ("kpi.image.tag=latest", "tag"),
        ("global.publicUrl=http://plain.example", "publicUrl"),
    ],
)
def test_helm_refuses_a_wrong_value_and_names_it(wrong: str, said: str, render: Callable[..., Objects]) -> None:
    with pytest.raises(RuntimeError, match=said):
        render("values-province.yaml", "--set", wrong)
