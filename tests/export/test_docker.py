"""The serving kit: files that TF Serving and Compose can read, and that say what the client does."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import stand_in
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

from nmt import client
from nmt.errors import InputError
from nmt.export import docker
from nmt.export.docker import write_kit
from nmt.signatures import SIGNATURES

FILES = [
    "docker-compose.yml", "models.config", "batching.config", "monitoring.config", "README.md", "kubernetes.yaml",
    "canary.yaml", "prometheus.yaml", "prometheus-rules.yaml", "grafana-dashboard.json",
]  # fmt: skip

# The messages that the server reads and the wheel of tensorflow-serving-api leaves out, field by field as the public
# .proto files have them: servables/tensorflow/session_bundle_config.proto and config/monitoring_config.proto.
INT64 = ".google.protobuf.Int64Value"
MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": (1, INT64),
        "batch_timeout_micros": (2, INT64),
        "max_enqueued_batches": (3, INT64),
        "num_batch_threads": (4, INT64),
    },
    "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
    "MonitoringConfig": {"prometheus_config": (1, ".stand_in.PrometheusConfig")},
}


def message(name: str) -> Any:
    field = descriptor_pb2.FieldDescriptorProto
    plain = {"bool": field.TYPE_BOOL, "string": field.TYPE_STRING}
    file = descriptor_pb2.FileDescriptorProto(name="stand_in.proto", package="stand_in", syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for each, fields in MESSAGES.items():
        described = file.message_type.add(name=each)
        for key, (number, kind) in fields.items():
            added = described.field.add(name=key, number=number, label=field.LABEL_OPTIONAL)
            added.type = plain.get(kind, field.TYPE_MESSAGE)
            if kind not in plain:
                added.type_name = kind
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"stand_in.{name}"))()


def compose(folder: Path) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return yaml.safe_load((folder / "docker-compose.yml").read_text(encoding="utf-8"))


def test_it_writes_its_files_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "kit"
    assert write_kit(folder, "ko-en") == [folder / name for name in FILES]
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_the_models_config_is_what_the_server_reads(tmp_path: Path) -> None:
    write_kit(tmp_path, "ko-en")
    parsed = text_format.Parse((tmp_path / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (config,) = parsed.model_config_list.config
    assert (config.name, config.base_path, config.model_platform) == ("ko-en", "/models/ko-en", "tensorflow")


def test_the_batching_config_is_what_the_server_reads_and_fits_the_client(tmp_path: Path) -> None:
    write_kit(tmp_path, "ko-en")
    text = (tmp_path / "batching.config").read_text()
    parsed = text_format.Parse(text, message("BatchingParameters"))
    # The server refuses a request with more sentences than a batch holds.
    assert parsed.max_batch_size.value == docker.BATCH == client.BATCH
    assert all(parsed.HasField(name) for name in MESSAGES["BatchingParameters"])
    assert "# allowed_batch_sizes is left out" in text


def test_the_monitoring_config_is_what_the_server_reads(tmp_path: Path) -> None:
    write_kit(tmp_path, "ko-en")
    parsed = text_format.Parse((tmp_path / "monitoring.config").read_text(), message("MonitoringConfig"))
    assert parsed.prometheus_config.enable
    assert parsed.prometheus_config.path == "/monitoring/prometheus/metrics"


def test_compose_mounts_what_its_flags_name(tmp_path: Path) -> None:
    write_kit(tmp_path, "ko-en")
    (service,) = compose(tmp_path)["services"].values()
    assert re.fullmatch(r"tensorflow/serving:2\.\d+\.\d+", service["image"])
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
    model, *files = service["volumes"]
    assert model["source"] == "./ko-en" and model["target"] == "/models/ko-en" and model["read_only"] is True
    mounted = {}
    for file in files:
        source, target, mode = file.split(":")
        assert (tmp_path / source).is_file() and mode == "ro"
        mounted[target] = source
    flags = dict(flag.removeprefix("--").split("=") for flag in service["command"])
    assert flags.pop("enable_batching") == "true"
    assert int(flags.pop("rest_api_timeout_in_ms")) >= 1000 * client.DEADLINE
    assert set(flags) == {"model_config_file", "batching_parameters_file", "monitoring_config_file"}
    assert set(flags.values()) == set(mounted)


def test_the_model_may_be_elsewhere_under_any_name(tmp_path: Path) -> None:
    model = tmp_path / "saved $models" / '한국어 "en": it\'s'
    write_kit(tmp_path / "kit", "2", model)
    (service,) = compose(tmp_path / "kit")["services"].values()
    source = service["volumes"][0]["source"]
    assert source.startswith("./../") and source.count("$$") == 1
    assert Path(os.path.normpath(tmp_path / "kit" / source.replace("$$", "$"))) == model


def test_the_health_check_knows_who_is_ready(tmp_path: Path) -> None:
    if not shutil.which("bash"):
        pytest.skip("bash, which the image has, is not here")
    write_kit(tmp_path, stand_in.NAME)
    (service,) = compose(tmp_path)["services"].values()
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"

    def healthy(port: int) -> bool:
        there = [part.replace("8501", str(port)) for part in command]
        return subprocess.run(there, capture_output=True, timeout=20).returncode == 0

    with stand_in.rest() as server:
        assert healthy(server.server_port)
        server.state = "LOADING"
        assert not healthy(server.server_port)
        server.faults = [stand_in.status(404, 'Could not find "UNAVAILABLE"')]
        assert not healthy(server.server_port)
        port = server.server_port
    assert not healthy(port)


def test_the_commands_of_its_readme_are_those_of_the_contract(tmp_path: Path) -> None:
    write_kit(tmp_path, "ko-en")
    readme = (tmp_path / "README.md").read_text()
    bodies = [json.loads(body) for body in re.findall(r"-d '(.*)'", readme)]
    found = {body.get("signature_name", "serving_default"): set(body["inputs"]) for body in bodies}
    assert found == {name: set(each.inputs) for name, each in SIGNATURES.items()}
    for url in re.findall(r"--server (\S+)", readme):
        assert client.Address.parse(url).model == "ko-en"
    assert all(f"`{name}`" in readme for name in FILES if name != "README.md")
    assert "{" not in re.sub(r"-d '.*'", "", readme)


@pytest.mark.parametrize("file", FILES)
def test_what_is_there_is_never_overwritten(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text("mine")
    with pytest.raises(InputError, match=f"{file} exists already"):
        write_kit(tmp_path, "ko-en")
    assert [path.name for path in tmp_path.iterdir()] == [file] and (tmp_path / file).read_text() == "mine"


def test_a_link_that_leads_nowhere_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="exists already"):
        write_kit(tmp_path, "ko-en")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("there", [True, False])
def test_what_fails_midway_leaves_nothing(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kit"
    if there:
        folder.mkdir()
    # Files of a folder that is there are moved one by one, and a new one is written whole.
    name = "replace" if there else "write_text"
    real, done = getattr(Path, name), []

    def failing(*arguments: Any, **how: Any) -> Any:
        if len(done) == 3:
            raise OSError(28, "No space left on device")
        done.append(arguments)
        return real(*arguments, **how)

    monkeypatch.setattr(Path, name, failing)
    with pytest.raises(InputError, match="No space left on device"):
        write_kit(folder, "ko-en")
    assert [path for path in tmp_path.rglob("*") if path != folder] == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kit").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        write_kit(tmp_path / "kit", "ko-en")


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", "a:b", "a b", "-x", "한국어", 'a"b', "a\n", "a$b"])
def test_a_name_that_is_no_part_of_an_address_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name in an address"):
        write_kit(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_the_real_server_serves_an_export(tmp_path: Path) -> None:
    export = os.environ.get("NMT_SERVING_EXPORT")
    if not export:
        pytest.skip("opt-in: NMT_SERVING_EXPORT=saved_models/NAME, where Docker may fetch tensorflow/serving")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not here")
    write_kit(tmp_path, "served", Path(export).resolve())
    up = ["docker", "compose", "up", "--detach", "--wait", "--wait-timeout", "300"]
    try:
        subprocess.run(up, cwd=tmp_path, check=True, timeout=900)
        with (
            client.Client("http://localhost:8501", "served") as rest,
            client.Client("grpc://localhost:8500", "served") as rpc,
        ):
            assert rest.ready() and rpc.ready()
            assert rest.metadata() == rpc.metadata() and rest.metadata().signatures == SIGNATURES
            texts = ["나는 밥을 먹었다", "", "우리는 빵을 샀다", "word " * 300] * 40
            by_rest, by_grpc = rest.translate(texts), rpc.translate(texts)
            assert [each.text for each in by_rest] == [each.text for each in by_grpc]
            assert [each.text for each in by_rest[:4]] * 40 == [each.text for each in by_rest]
            assert [each.text for each in rest.translate(texts, details=False)] == [each.text for each in by_rest]
            best = by_rest[0]
            assert best.score == pytest.approx(by_grpc[0].score, abs=1e-3)
            assert rest.score(texts[:1], [best.text])[0].tokens[: len(best.tokens)] == best.tokens
            with pytest.raises(client.UnknownModel):
                client.Client("http://localhost:8501", "other").translate(["a"])
            with pytest.raises(client.RequestRefused):  # more than a batch holds
                client.Client("http://localhost:8501", "served", batch=docker.BATCH + 1).translate(
                    ["a"] * (docker.BATCH + 1)
                )
        time.sleep(1)
    finally:
        subprocess.run(["docker", "compose", "logs"], cwd=tmp_path, timeout=60)
        subprocess.run(["docker", "compose", "down"], cwd=tmp_path, timeout=120)
