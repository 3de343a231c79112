"""What a worker process does with a batch: has evaluated what is not known yet, and keeps what comes of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.client._evaluation import Evaluations, NumberBatch, Tags
from registry.client._parameters import Step
from registry.client._registry_client import RegistryClient
from registry.client.file_checks.folder import Folder
from registry.client.file_checks.tag_cache import TagCache


class Evaluator:
    """settings: what `Workers` sends first."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._client = RegistryClient(settings["url"], settings["key"], patience=settings["patience"])
        self._cache = TagCache(Folder.open(Path(settings["root"]), settings["url"]))
        self._asking: dict[str, Any] = settings["asking"]
        self._paths = [
            [Step(number, bytes.fromhex(public_key), parent) for number, public_key, parent in path]
            for path in settings["paths"]
        ]
        self._public_keys = {step.generation: step.public_key for path in self._paths for step in path}

    def evaluate(self, numbers: list[str]) -> dict[str, Any]:
        """Whatever is not in the cache yet. Tags are kept request by request."""
        audit_ids: list[str] = []
        tags: Tags = {}
        for index, number in enumerate(numbers):
            for generation, kept in self._cache.tags(number).items():
                tags.setdefault(generation, {})[index] = kept.tag

        def ask(blinded: bytes, generations: Any) -> Evaluations:
            return self._client.evaluate(blinded, generations=generations, **self._asking)

        def keep(found: Tags, audit_id: str) -> None:
            rows = [
                (numbers[index], generation, tag) for generation, part in found.items() for index, tag in part.items()
            ]
            self._cache.keep(rows, audit_id, [(generation, self._public_keys[generation]) for generation in found])
            audit_ids.append(audit_id)

        charged = NumberBatch(numbers, tags).complete(self._paths, ask, keep)
        return {"done": len(numbers), "charged": charged, "audit_ids": audit_ids}
