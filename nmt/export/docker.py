"""The serving kit of an export: what Docker Compose and Kubernetes need to serve it, and what watches the servers.

A comment beside each setting says what it is for.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path

from nmt.atomic_write import write_folder
from nmt.errors import InputError
from nmt.export import kubernetes, monitoring
from nmt.export.versions import versions

# The newest server. An export needs 2.16 or later, which have the operations of SentencePiece.
IMAGE = "tensorflow/serving:2.20.0"

# Sentences in a batch. The client sends at most this many in a request: TF Serving refuses a request with more.
BATCH = 64

# The image has no curl, but it has bash, which can open a connection.
_HEALTH = (
    "exec 3<>/dev/tcp/127.0.0.1/8501 && printf 'GET /v1/models/{name} HTTP/1.0\\r\\n\\r\\n' >&3"
    " && grep -q '\"AVAILABLE\"' <&3"
)

_COMPOSE = """\
# TF Serving with the model {name}: `docker compose up --detach --wait`. README.md beside this says more.
services:
  serving:
    image: {image}
    restart: unless-stopped
    ports:
      # The server has no access control, so it answers this machine only. Without "127.0.0.1:" it answers everybody:
      # then put a proxy in front of it that checks access and uses TLS.
      - "127.0.0.1:8500:8500"  # gRPC
      - "127.0.0.1:8501:8501"  # REST
    volumes:
      # This folder holds a folder for each version. The running server loads a new version by itself.
      - type: bind
        source: {source}
        target: {target}
        read_only: true
        bind:
          create_host_path: false
      - ./models.config:/config/models.config:ro
      - ./batching.config:/config/batching.config:ro
      - ./monitoring.config:/config/monitoring.config:ro
    command:
      - --model_config_file=/config/models.config
      - --enable_batching=true
      - --batching_parameters_file=/config/batching.config
      - --monitoring_config_file=/config/monitoring.config
      # A full batch of long sentences takes longer than the 30 seconds that REST allows by default.
      - --rest_api_timeout_in_ms=60000
    healthcheck:
      # Healthy means that a version is ready. The image has no curl, but bash can open a connection.
      test: {health}
      interval: 10s
      timeout: 5s
      retries: 3
      start_period: 60s
"""

_MODELS = """\
# Which models are served, under which names. Without a version policy, the highest version of each is served.
# A second model: another `config {{ ... }}` here, and another volume in docker-compose.yml.
model_config_list {{
  config {{
    name: "{name}"
    base_path: "{target}"
    model_platform: "tensorflow"{policy}
  }}
}}
"""

_BATCHING = """\
# Requests that come at about the same time are translated together: one pass for all is cheaper than one for each.

# The largest number of sentences in a batch. A request with more is refused (400).
max_batch_size {{ value: {batch} }}

# How long the first sentence of a batch waits for others, in microseconds. 5 ms are short compared to a translation.
# With 16 clients a request took a quarter of the processor time that it takes alone; 1 ms saves less, 20 ms no more.
batch_timeout_micros {{ value: 5000 }}

# Batches that may wait. When the queue is full, requests are refused at once (503), and clients try again later. In a
# longer queue all answers would be late.
max_enqueued_batches {{ value: 100 }}

# Batches that are translated at the same time: one for each core. One alone leaves cores idle between operations, and
# more threads than cores were no faster.
num_batch_threads {{ value: 2 }}

# allowed_batch_sizes is left out. It pads batches to a few fixed sizes, for models that are compiled for each size.
# This model takes any size, so padding would be wasted work.
"""

_MONITORING = """\
# Counters for Prometheus, at http://HOST:8501/monitoring/prometheus/metrics.
prometheus_config {{
  enable: true
  path: "/monitoring/prometheus/metrics"
}}
"""

_README = """\
# {name} on TF Serving

Start it in this folder. It is ready when the command returns:

```sh
docker compose up --detach --wait
docker compose logs --follow      # its log
docker compose down               # stop it: it takes 10 seconds, as TF Serving ignores the signal to end
```

Ask it over REST:

```sh
curl http://localhost:8501/v1/models/{name}             # the versions that are ready
curl http://localhost:8501/v1/models/{name}/metadata    # their inputs and outputs

# serving_default: the best translation of each text, its log-probability, and what was cut
curl http://localhost:8501/v1/models/{name}:predict \\
  -d '{{"inputs": {{"text": ["first sentence", "second sentence"]}}}}'

# translate: the n best, the pieces of both sides, and the alignment
curl http://localhost:8501/v1/models/{name}:predict \\
  -d '{{"signature_name": "translate", "inputs": {{"text": ["first sentence"]}}}}'

# score: how likely given translations are
curl http://localhost:8501/v1/models/{name}:predict \\
  -d '{{"signature_name": "score", "inputs": {{"source": ["first sentence"], "target": ["its translation"]}}}}'
```

A request has at most {batch} sentences. The command sends longer files in parts:

```sh
nmt translate --server http://localhost:8501/v1/models/{name} FILE
nmt translate --server grpc://localhost:8500/v1/models/{name} FILE
```

and so does Python:

```python
from nmt.client import Client

with Client("http://localhost:8501/v1/models/{name}") as client:
    print(client.translate(["first sentence"])[0].text)
```

| file | contents |
|---|---|
| `docker-compose.yml` | the image, the ports, the model's folder |
| `models.config` | which models are served |
| `batching.config` | how requests are joined into batches |
| `monitoring.config` | counters at http://localhost:8501/monitoring/prometheus/metrics |
| `kubernetes.yaml` | version {version} on a cluster, on more pods when it is busy; says who may ask |
| `canary.yaml` | version {next} beside it, on one pod |
| `prometheus.yaml`, `prometheus-rules.yaml` | what Prometheus reads, adds up, and warns of |
| `grafana-dashboard.json` | the same as curves: import it in Grafana |

The server loads a new version in the model's folder by itself, without a pause. It answers this machine only;
docker-compose.yml says what is needed before that changes.

On a cluster each version is named, so that no pod changes it by itself. `kubectl apply -f kubernetes.yaml` begins; for
the next version copy its folder to the volume and `kubectl apply -f canary.yaml`. Nobody has tried these files on a
cluster: they were checked against the schemas of Kubernetes and the grammar of Prometheus.
"""

_FILES = {
    "docker-compose.yml": _COMPOSE,
    "models.config": _MODELS,
    "batching.config": _BATCHING,
    "monitoring.config": _MONITORING,
    "README.md": _README,
}


def write_kit(folder: Path, name: str, model: Path | None = None) -> list[Path]:
    """Write the files that start TF Serving with an export, and return their paths.

    Arguments:
        folder: for the files; created if it does not exist.
        name: of the model, in the addresses of the server.
        model: the export's folder, which holds a folder for each version; by default ``folder/name``.

    Raises:
        InputError: if a file is there already, or the folder cannot be written to. Then nothing is written.
    """
    check_name(name)
    target = f"/models/{name}"
    # Relative, so that both folders can move together; a dollar would begin a variable of Compose.
    source = Path(os.path.relpath(model or folder / name, folder)).as_posix().replace("$", "$$")
    newest = max(versions(model or folder / name), default=1)
    health = ["bash", "-c", _HEALTH.format(name=name)]
    parts = {
        "name": name,
        "image": IMAGE,
        "batch": BATCH,
        "target": target,
        # JSON is also YAML.
        "source": json.dumps(f"./{source}", ensure_ascii=False),
        "health": json.dumps(["CMD", *health]),
        "policy": "",
        "version": newest,
        "next": newest + 1,
    }
    of_each = {**parts, "policy": "@policy@"}
    settings = {file: text.format(**of_each) for file, text in _FILES.items() if file.endswith(".config")}
    flags = [line.split("- ", 1)[1] for line in _COMPOSE.splitlines() if line.lstrip().startswith("- --")]
    files = {file: template.format(**parts) for file, template in _FILES.items()}
    return _place(
        folder,
        {
            **files,
            **kubernetes.manifests(name, version=newest, image=IMAGE, health=health, flags=flags, settings=settings),
            **monitoring.files(name),
        },
    )


def check_name(name: str) -> None:
    """Make sure that a model can have this name in a server's address.

    Raises:
        InputError: if not.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name, re.IGNORECASE | re.ASCII):
        raise InputError(
            f"'{name}' cannot be a model's name in an address: use English letters, digits, and . _ - between them."
        )


def _place(folder: Path, files: dict[str, str]) -> list[Path]:
    """Write files into a folder: all, or none."""
    places = [folder / file for file in files]
    there = [place for place in places if os.path.lexists(place)]
    if there:
        raise InputError(f"{there[0]} exists already and was not changed. Move it away, or name another folder.")

    def fill(aside: Path) -> None:
        for file, content in files.items():
            (aside / file).write_text(content, encoding="utf-8")

    try:
        write_folder(folder, fill)
    except OSError as error:
        # Files were moved one by one into a folder that existed.
        for place in places:
            with suppress(OSError):
                place.unlink()
        raise InputError(f"{folder} cannot be written: {error.strerror or error}. Nothing was written.") from None
    return places
