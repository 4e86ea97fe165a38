"""The objects of each overlay are what the API takes, fit together, and have no more rights than they need."""

import json
import re

import kubernetes_validate
import pytest

from balancer.settings.config import BalancerConfig
from servers.serve import FINISH
from tests.kubernetes.conftest import FOLDER, Objects, Pods, rendered, within

SPARE = 5  # seconds


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_the_api_takes_every_object(overlay: str, version: str) -> None:
    """And knows every field of it: strict."""
    for each in rendered(overlay):
        kubernetes_validate.validate(each, version, strict=True)


def test_the_schemas_refuse_a_field_that_there_is_not() -> None:
    """The ruler sees straight."""
    servers = json.loads(json.dumps(rendered("memory").of("Deployment")["servers"]))
    servers["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(servers, "1.30", strict=True)


def test_no_file_of_the_folder_is_left_out() -> None:
    named = set()
    for file in FOLDER.glob("*/kustomization.yaml"):
        named |= {file, *(file.parent / name for name in re.findall(r"[\w-]+\.yaml\b", file.read_text()))}
    assert {file for file in FOLDER.rglob("*") if file.is_file()} <= named


def test_every_selector_finds_the_pods_of_one_deployment(objects: Objects) -> None:
    for name, deployment in objects.of("Deployment").items():
        assert list(objects.pods(deployment["spec"]["selector"]["matchLabels"])) == [name]
        for selector in within(deployment["spec"]["template"], "labelSelector"):
            assert list(objects.pods(selector["matchLabels"])) == [name]
    selectors = [service["spec"]["selector"] for service in objects.of("Service").values()]
    selectors += [budget["spec"]["selector"]["matchLabels"] for budget in objects.of("PodDisruptionBudget").values()]
    policies = [policy["spec"] for name, policy in objects.of("NetworkPolicy").items() if name != "nobody"]
    selectors += [selector["matchLabels"] for selector in within(policies, "podSelector")]
    assert selectors
    for selector in selectors:
        assert len(objects.pods(selector)) == 1, selector


def test_every_port_that_is_named_is_one_of_the_pods(objects: Objects) -> None:
    for service in objects.of("Service").values():
        (pods,) = objects.pods(service["spec"]["selector"]).values()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= pods.ports.keys()
    for pods in objects.pods().values():
        probed = {*within(list(pods.probes.values()), "port")}
        assert probed <= pods.ports.keys()
        assert bool(pods.ports) == ("readinessProbe" in pods.probes) == ("livenessProbe" in pods.probes)
    for policy in objects.of("NetworkPolicy").values():
        for pods in objects.pods(policy["spec"]["podSelector"].get("matchLabels")).values():
            assert {*within(policy["spec"].get("ingress"), "port")} <= pods.ports.keys()


def test_whoever_is_sent_to_is_let_in(objects: Objects) -> None:
    """All pods are closed; for each port of a Service there is a policy that opens it."""
    assert objects.of("NetworkPolicy")["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    open_ports: dict[str, set[str]] = {}
    for name, policy in objects.of("NetworkPolicy").items():
        if name != "nobody":
            (pods,) = objects.pods(policy["spec"]["podSelector"]["matchLabels"])
            open_ports.setdefault(pods, set()).update(within(policy["spec"]["ingress"], "port"))
    served: dict[str, set[str]] = {}
    for service in objects.of("Service").values():
        (pods,) = objects.pods(service["spec"]["selector"])
        served.setdefault(pods, set()).update(port["targetPort"] for port in service["spec"]["ports"])
    assert open_ports.keys() == served.keys()
    for pods, ports in open_ports.items():
        assert ports == served[pods] - {"web"}, "locust's web UI is for whoever may forward a port"


def test_the_autoscaler_and_the_ingress_lead_somewhere(objects: Objects) -> None:
    for scaler in objects.of("HorizontalPodAutoscaler").values():
        target = objects.of(scaler["spec"]["scaleTargetRef"]["kind"])[scaler["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in target["spec"], "each `apply` would set back what the autoscaler decided"
        (container,) = target["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["requests"]["cpu"], "a share of nothing cannot be measured"
    for ingress in objects.of("Ingress").values():
        for service in within(ingress, "service"):
            ports = objects.of("Service")[service["name"]]["spec"]["ports"]
            assert service["port"]["name"] in {port["name"] for port in ports}


def test_nobody_is_cut_off_by_a_deploy(objects: Objects) -> None:
    for name, finish in {"servers": FINISH, "balancer": BalancerConfig.stop_timeout}.items():
        deployment = objects.of("Deployment")[name]["spec"]
        new_first = {"maxSurge": 1, "maxUnavailable": 0}
        assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": new_first}
        pods = objects.pods()[name]
        drain = pods.container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pods.spec["terminationGracePeriodSeconds"] >= drain + finish + SPARE
        assert name in objects.of("PodDisruptionBudget")
    if "redis" in objects.of("Deployment"):
        assert objects.of("Deployment")["redis"]["spec"]["strategy"] == {"type": "Recreate"}


def test_no_pod_has_more_rights_than_it_needs(objects: Objects) -> None:
    """What Kubernetes calls "restricted", and a disk that cannot be written."""
    (namespace,) = objects.of("Namespace").values()
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert {each["metadata"].get("namespace", "session-lab") for each in objects} == {"session-lab"}
    for pods in objects.pods().values():
        assert rights(pods) == []


def rights(pods: Pods) -> list[str]:
    """What is wrong with them."""
    spec, own = pods.spec, pods.container["securityContext"]
    user = spec["securityContext"]
    right = {
        "runs as nobody": user["runAsNonRoot"] and user["runAsUser"] > 0 and user["runAsGroup"] > 0,
        "system calls": user["seccompProfile"] == {"type": "RuntimeDefault"},
        "capabilities": own["capabilities"] == {"drop": ["ALL"]},
        "privileges": own["allowPrivilegeEscalation"] is False and "privileged" not in own,
        "the disk": own["readOnlyRootFilesystem"] is True,
        "no key to the API": spec["automountServiceAccountToken"] is False,
        "the node": not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & spec.keys(),
        "memory": pods.container["resources"]["limits"].keys() == {"memory"},
        "requests": pods.container["resources"]["requests"].keys() == {"cpu", "memory"},
    }
    return [f"{pods.name}: {what}" for what, is_right in right.items() if not is_right]


def test_there_is_no_secret_to_keep(objects: Objects) -> None:
    assert {each["kind"] for each in objects} == {
        *("Namespace", "Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget", "HorizontalPodAutoscaler"),
        *(("Ingress",) if "shop" in objects.of("Ingress") else ()),
    }
    assert not re.search(r"passw|secret|token(?!\": false)", json.dumps(objects), re.IGNORECASE)


def test_stickiness_is_where_the_overlay_says() -> None:
    sticky, memory = rendered("sticky"), rendered("memory")
    for name in ("balancer", "shop"):
        assert sticky.of("Service")[name]["spec"]["sessionAffinity"] == "ClientIP"
    cookie = sticky.of("Service")["shop"]["metadata"]["annotations"]
    assert cookie["traefik.ingress.kubernetes.io/service.sticky.cookie"] == "true"
    assert [*within(sticky.of("Ingress"), "service")] == [{"name": "shop", "port": {"name": "http"}}]
    assert "sessionAffinity" not in json.dumps(memory)
