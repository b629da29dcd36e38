"""What runs an export on a cluster: manifests for Kubernetes, and a second version beside the first.

They begin TF Serving with the settings of Docker Compose (:mod:`nmt.export.docker`), which each pod reads from a
ConfigMap.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources


def manifests(
    name: str, version: int, image: str, health: list[str], flags: list[str], settings: Mapping[str, str]
) -> dict[str, str]:
    """Return the files for a cluster by their names.

    Arguments:
        name: of the model.
        version: that is served; the canary is the one after it.
        image: of TF Serving.
        health: a command that tells whether the model is ready.
        flags: of the server.
        settings: the files of settings by their names; ``models.config`` has ``@policy@`` for the version.
    """

    def track(which: str, number: int, pods: str) -> str:
        policy = f"\n    # This version and no other.\n    model_version_policy {{ specific {{ versions: {number} }} }}"
        files = {file: text.replace("@policy@", policy) for file, text in settings.items()}
        config = "\n".join(part for file, text in files.items() for part in (f"  {file}: |", _indented(text, 4)))
        return filled(
            "version.yaml",
            name=label(name),
            track=which,
            version=str(number),
            pods=pods,
            image=image,
            health=json.dumps(health),
            flags="\n".join(f"            - {flag}" for flag in flags),
            config=config,
            checksum=hashlib.blake2b(config.encode(), digest_size=6).hexdigest(),
        )

    # How many pods the stable track has is the autoscaler's: a number here would throw them back at each apply.
    head = filled("service.yaml", name=label(name), model=name, version=str(version))
    return {
        "kubernetes.yaml": head + track("stable", version, "") + filled("around.yaml", name=label(name)),
        "canary.yaml": filled("canary-head.yaml", name=label(name)) + track("canary", version + 1, "\n  replicas: 1"),
    }


def label(name: str) -> str:
    """Return a model's name as Kubernetes allows it: in small letters, digits and hyphens, beginning with a letter.

    >>> label("Ko_en.2"), label("2024-07")
    ('ko-en-2', 'm-2024-07')
    """
    plain = name.lower().replace("_", "-").replace(".", "-").strip("-")[:50].strip("-")
    return plain if plain[0].isalpha() else f"m-{plain}"


def filled(template: str, **parts: str) -> str:
    """Return a template of this package with its ``@parts@``."""
    text = resources.files("nmt.export").joinpath("templates", template).read_text("utf-8")
    for part, value in parts.items():
        text = text.replace(f"@{part}@", value)
    return text


def _indented(text: str, spaces: int) -> str:
    return "\n".join(f"{' ' * spaces}{line}".rstrip() for line in text.splitlines())
