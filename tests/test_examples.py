"""The files in examples/ start what they say, as far as one machine can tell."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command_line import PAIRS, TINY

from nmt.training.cluster import find_cluster

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_slurm_hands_on_all_words(tmp_path: Path) -> None:
    # An srun that prints what it is given.
    (tmp_path / "srun").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "srun").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", EXAMPLES / "train.sbatch", "a corpus", "model", "--resume"]
    done = subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=True)
    first = ["nmt", "train", "--pairs", "a corpus", "--to", "model", "--set"]
    assert done.stdout.splitlines()[:7] == first and done.stdout.endswith("--resume\n")


def test_kubernetes_names_all_pods() -> None:
    service, job = yaml.safe_load_all((EXAMPLES / "train-job.yaml").read_text(encoding="utf-8"))
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (variable,) = container["env"]
    assert spec["completionMode"] == "Indexed" and spec["completions"] == spec["parallelism"]
    assert service["metadata"]["name"] == pod["subdomain"] and service["spec"]["clusterIP"] == "None"
    for index in range(spec["completions"]):
        found = find_cluster({variable["name"]: variable["value"], "JOB_COMPLETION_INDEX": str(index)})
        assert found and found.workers == spec["completions"]
        # The name of an indexed pod, and the service that resolves it.
        assert found.addresses[index].startswith(f"{job['metadata']['name']}-{index}.{pod['subdomain']}:")


def test_ray_trains_with_two_workers(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS * 4))
    command = [sys.executable, EXAMPLES / "ray_train.py", "2", "--pairs", "pairs.tsv", "--to", "model", *TINY]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    records = [json.loads(line) for line in (tmp_path / "model" / "metrics.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records] == [1, 2]
