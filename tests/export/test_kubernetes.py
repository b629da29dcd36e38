"""The manifests for a cluster: what Kubernetes' schemas allow, and what fits together. None was tried on a cluster."""

import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from nmt.export.docker import write_kit
from nmt.export.kubernetes import label

# The oldest one that its makers care for.
VERSION = "1.33"


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("kit")
    for version in ("2", "3"):
        (folder / "Ko_en" / version).mkdir(parents=True)
    return written(folder, "Ko_en")


def written(folder: Path, name: str) -> dict[str, list[dict[str, Any]]]:
    """Write the kit of a model's folder, and return its manifests as YAML 1.1 reads them."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    write_kit(folder / "kit", name, folder / name)
    return {
        file: list(yaml.safe_load_all((folder / "kit" / file).read_text("utf-8")))
        for file in ("kubernetes.yaml", "canary.yaml")
    }


def of(manifests: dict[str, list[dict[str, Any]]], kind: str, file: str = "kubernetes.yaml") -> dict[str, Any]:
    (found,) = [each for each in manifests[file] if each["kind"] == kind]
    return found


def test_they_are_what_kubernetes_takes(manifests: dict[str, list[dict[str, Any]]]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="its schemas are not installed")
    for manifest in (each for some in manifests.values() for each in some):
        kubernetes_validate.validate(manifest, VERSION, strict=True)


# Words that YAML 1.1 reads as true, false and nothing, and a model whose checksum was 660804335450, a number.
@pytest.mark.parametrize("name", ["no", "on", "null", "ko-en-30"])
def test_a_name_is_not_read_as_something_else(tmp_path: Path, name: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="its schemas are not installed")
    for manifest in (each for some in written(tmp_path, name).values() for each in some):
        kubernetes_validate.validate(manifest, VERSION, strict=True)
        assert manifest["metadata"]["labels"]["app"] == name
    # PyYAML reads 55565e971699 as text, and Kubernetes as a number: in quotes it is text for both.
    checksums = re.findall(r"nmt/settings: (.*)", (tmp_path / "kit/kubernetes.yaml").read_text("utf-8"))
    assert checksums and all(re.fullmatch('"[0-9a-f]{12}"', checksum) for checksum in checksums)


def test_each_part_names_the_others(manifests: dict[str, list[dict[str, Any]]]) -> None:
    pods = {}
    for file, track in (("kubernetes.yaml", "stable"), ("canary.yaml", "canary")):
        deployment, config = of(manifests, "Deployment", file), of(manifests, "ConfigMap", file)
        template = deployment["spec"]["template"]
        pods[track] = template["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= pods[track].items()
        assert pods[track]["track"] == track
        (container,) = template["spec"]["containers"]
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        assert volumes["config"]["configMap"]["name"] == config["metadata"]["name"]
        places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        named = {arg.partition("=")[2] for arg in container["args"]} & {
            f"{places['config']}/{f}" for f in config["data"]
        }
        assert len(named) == len(config["data"]) == 3
        parsed = text_format.Parse(config["data"]["models.config"], model_server_config_pb2.ModelServerConfig())
        (model,) = parsed.model_config_list.config
        # The model keeps its name: clients ask for it.
        assert (model.name, model.base_path) == ("Ko_en", f"{places['models']}/Ko_en")
        assert [str(each) for each in model.model_version_policy.specific.versions] == [pods[track]["version"]]
        assert "/v1/models/Ko_en " in container["startupProbe"]["exec"]["command"][-1]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports == {"grpc": 8500, "rest": 8501}
        assert all(container[probe]["tcpSocket"]["port"] in ports for probe in ("readinessProbe", "livenessProbe"))
    assert (pods["stable"]["version"], pods["canary"]["version"]) == ("3", "4")
    service, budget, policy = (of(manifests, kind) for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"))
    for selector in (
        service["spec"]["selector"],
        budget["spec"]["selector"]["matchLabels"],
        policy["spec"]["podSelector"]["matchLabels"],
    ):
        assert all(selector.items() <= labels.items() for labels in pods.values()) and "track" not in selector
    scaled = of(manifests, "HorizontalPodAutoscaler")["spec"]
    stable = of(manifests, "Deployment")
    assert scaled["scaleTargetRef"]["name"] == stable["metadata"]["name"]
    # With a number of its own, each apply would take away the pods that were added under load.
    assert scaled["minReplicas"] == 2 and "replicas" not in stable["spec"]
    assert of(manifests, "Deployment", "canary.yaml")["spec"]["replicas"] == 1
    # A container without a request of processors could not be scaled by their use.
    assert "cpu" in stable["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]


@pytest.mark.parametrize("name", ["a", "Ko_en.2", "2024", "x" * 80, "a" * 49 + "_b", "A._-"])
def test_a_label_is_one_for_services_too(name: str) -> None:
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", label(name)) and len(f"{label(name)}-canary") <= 63
