"""Reads the manifests, the simple way: what a kustomization lists, as it stands there.

It knows just the fields that ours use, and refuses others, so that nothing goes unlooked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import yaml  # type: ignore[import-untyped]  # ships no types

Manifest = Mapping[str, object]

UNDERSTOOD: Final = {"apiVersion", "kind", "namespace", "resources", "configMapGenerator", "images"}


def rendered(folder: Path) -> list[Manifest]:
    """Return the resources of a kustomization, with its image tags and its ConfigMaps (without hashes)."""
    (kustomization,) = documents(folder / "kustomization.yaml")
    unknown = kustomization.keys() - UNDERSTOOD
    assert not unknown, f"{folder.name}: {unknown} is not understood here"
    found: list[Manifest] = []
    for name in texts(kustomization, "resources"):
        path = folder / name
        assert path.exists(), f"{folder.name} lists {name}, which is not there"
        found += rendered(path) if path.is_dir() else documents(path)
    found += [_config_map(folder, one) for one in listed(kustomization, "configMapGenerator")]
    tags = {text(one, "name"): text(one, "newTag") for one in listed(kustomization, "images")}
    for container in (c for one in found for c in containers(one)):
        name, _, tag = text(container, "image").partition(":")
        cast("dict[str, object]", container)["image"] = f"{name}:{tags.get(name, tag)}"
    return found


def documents(path: Path) -> list[Manifest]:
    """Return the documents of a file."""
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


def _config_map(folder: Path, generator: Manifest) -> Manifest:
    data = {name: (folder / name).read_text(encoding="utf-8") for name in texts(generator, "files")}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data}


def at(manifest: Manifest, *path: str) -> Manifest:
    """Return a part of a manifest; an empty one where there is none."""
    part = manifest
    for name in path:
        part = cast("Manifest", part.get(name) or {})
    return part


def listed(manifest: Manifest, *path: str) -> Sequence[Manifest]:
    """Return a list in a manifest; an empty one where there is none."""
    return cast("Sequence[Manifest]", at(manifest, *path[:-1]).get(path[-1]) or ())


def text(manifest: Manifest, *path: str) -> str:
    """Return a text in a manifest; raises ``KeyError`` where there is none."""
    return str(at(manifest, *path[:-1])[path[-1]])


def texts(manifest: Manifest, *path: str) -> Sequence[str]:
    """Return a list of texts in a manifest; an empty one where there is none."""
    return cast("Sequence[str]", listed(manifest, *path))


def named(manifest: Manifest) -> str:
    """Kind and name, as people write it."""
    return f"{text(manifest, 'kind')}/{text(manifest, 'metadata', 'name')}"


def pod_of(manifest: Manifest) -> Manifest:
    """Return the pod template of a workload; an empty one for anything else."""
    return at(manifest, "spec", "template")


def containers(manifest: Manifest) -> Iterator[Manifest]:
    """Yield the containers of a workload."""
    for kind in ("initContainers", "containers"):
        yield from listed(pod_of(manifest), "spec", kind)


def fits(selector: Manifest, labels: Manifest) -> bool:
    """Whether a label selector (or the plain map of a Service) picks these labels."""
    if not selector.keys() & {"matchLabels", "matchExpressions"}:
        return selector.items() <= labels.items()
    for expression in listed(selector, "matchExpressions"):
        assert expression["operator"] == "In"
        if labels.get(text(expression, "key")) not in texts(expression, "values"):
            return False
    return at(selector, "matchLabels").items() <= labels.items()
