"""What the model of a city's file expects at a place: which keys, which choices, lists or tables of what."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from shared.config.references import KeyPath


def expected(model: type[BaseModel], loc: KeyPath) -> object:
    """The annotation of the model at a location of pydantic's."""
    annotation: object = model
    for step in loc:
        annotation = step_into(annotation, step)
    return annotation


def step_into(annotation: object, step: str | int) -> object:
    """What stands one key, item or union tag further; ``None`` where the model has no such thing."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return step_into(inner[0], step)
    if origin in {tuple, frozenset}:
        return inner[0]
    if origin is dict:
        return inner[0] if step == "[key]" else inner[1]
    if origin in {Union, UnionType}:
        sections = list(models(annotation))
        if len(sections) == 1 and step in sections[0].model_fields:  # a section that may be left out
            return step_into(sections[0], step)
        return next((model for model in sections if step in kinds(model)), annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and step in annotation.model_fields:
        return annotation.model_fields[str(step)].annotation
    return None


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """The sections that an annotation allows here, or as items of a list here."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not dict:
        for inner in get_args(annotation):
            yield from models(inner)


def fields(annotation: object) -> tuple[str, ...]:
    """The keys that the sections of an annotation have."""
    return tuple(key for model in models(annotation) for key in model.model_fields)


def kinds(annotation: object) -> tuple[str, ...]:
    """The values of ``kind`` that tell the sections of a union apart."""
    tags = (model.model_fields.get("kind") for model in models(annotation))
    return tuple(choice for tag in tags if tag is not None for choice in choices(tag.annotation))


def choices(annotation: object) -> Iterator[str]:
    """The words that an annotation allows, when it allows only some."""
    if get_origin(annotation) is Literal:
        yield from (str(choice) for choice in get_args(annotation))
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(member.value) for member in annotation)
    else:
        for inner in get_args(annotation):
            yield from choices(inner)
