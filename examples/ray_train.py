"""Train on a Ray cluster: every worker of Ray Train runs ``nmt train``, with the TF_CONFIG that Ray gives it.

    pip install -e '.[ray]'
    python examples/ray_train.py 2 --pairs corpus/ --to /shared/my-model --set training.batch_size=320

The number of workers comes first, then the options of ``nmt train``; ``--resume`` is one of them. Every machine must
see the files under the same paths. Without a cluster, Ray makes one of this machine.
"""

import os
import subprocess
import sys

import ray
from ray.train import ScalingConfig
from ray.train.tensorflow import TensorflowTrainer


def run_nmt(given: dict) -> None:
    """Run the command on one worker. Ray shows its messages."""
    # Ray asks for Keras 2 by TF_USE_LEGACY_KERAS, and nmt needs Keras 3.
    environment = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    command = [sys.executable, "-m", "nmt.cli", "train", *given["options"]]
    if code := subprocess.run(command, env=environment, cwd=given["folder"]).returncode:
        raise RuntimeError(f"nmt train ended with exit code {code}. Its message above says why.")


if __name__ == "__main__":
    count, *options = sys.argv[1:]
    ray.init()
    scaling = ScalingConfig(num_workers=int(count), use_gpu=ray.cluster_resources().get("GPU", 0) >= int(count))
    given = {"options": options, "folder": os.getcwd()}
    TensorflowTrainer(run_nmt, train_loop_config=given, scaling_config=scaling).fit()
