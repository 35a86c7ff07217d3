"""What answers people: the kinds of generators that a config can name, and how each is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from rlgen.artifacts import Shared, content, kind_of
from rlgen.generation.huggingface.options import HuggingFaceOptions
from rlgen.seams import SHIPPED, Own, written_out

if TYPE_CHECKING:
    from rlgen.envs.surface import ResponseSurface
    from rlgen.hardware import Precision
    from rlgen.types import Generator

_LOADED: Final = Shared()


class _Kind(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Embedded(_Kind):
    """A small generator of ours: the shipped one, or a folder that a training wrote."""

    kind: Literal["embedded"] = "embedded"
    path: str = Field("shipped:generator", description="shipped:NAME or a folder")

    def load(self, device: str, precision: Precision) -> Generator:
        """The generator; worlds share it."""
        from rlgen.generation import EmbeddedGenerator
        from rlgen.generation.embedded.generator import KIND

        load = partial(EmbeddedGenerator.load, self.path, device=device, dtype=precision)
        return _LOADED.of((self.path, device, precision), content(self.path, KIND), load)


class HuggingFace(HuggingFaceOptions):
    """Any Hugging Face causal language model, by the path of a folder or by hub id."""

    kind: Literal["huggingface"] = "huggingface"
    model: str = Field(min_length=1, description="folder of a model, or its hub id OWNER/NAME")

    def load(self, device: str, precision: Precision) -> Generator:
        """The generator; worlds share it."""
        from rlgen.generation import HuggingFaceGenerator
        from rlgen.generation.huggingface import directions
        from rlgen.text.language_models.pretrained import model_state

        options = {**self.model_dump(exclude={"kind", "model"}), "device": self.device or device}
        if self.dtype == "auto":
            options["dtype"] = precision
        steered = None if self.steering is None else content(self.steering, directions.KIND)
        load = partial(HuggingFaceGenerator, self.model, **options)
        return _LOADED.of((self.model, *options.items()), (model_state(self.model), steered), load)


class Constant(_Kind):
    """Says one text whatever it is asked: the null hypothesis of every control."""

    kind: Literal["constant"] = "constant"
    text: str = Field(description="what it says")

    def load(self, device: str, precision: Precision) -> Generator:
        """The generator."""
        from rlgen.generation import ConstantGenerator

        return ConstantGenerator(self.text)


class Surface(_Kind):
    """No words: readings of replies are drawn from a measured response surface, many times faster."""

    kind: Literal["surface"] = "surface"
    path: str = Field("shipped:surface", description="shipped:NAME, or a folder that `rlgen fit surface` wrote")

    def measured(self) -> ResponseSurface:
        """The surface; worlds share it."""
        from rlgen.envs.surface import KIND, ResponseSurface

        return _LOADED.of(("surface", self.path), content(self.path, KIND), lambda: ResponseSurface.load(self.path))


KINDS: Final = ("embedded", "huggingface", "constant", "surface")


def _kind_of(value: Any) -> str:
    return "own" if isinstance(value, Own) else str(value["kind"] if isinstance(value, Mapping) else value.kind)


def _named(value: Any) -> Any:
    """A name, path, mapping or object as a mapping with a known kind, or as a part of one's own."""
    value = written_out(value)
    if isinstance(value, Own | Embedded | HuggingFace | Constant | Surface):
        return value
    if (own := Own.of(value)) is not None:
        return own
    if isinstance(value, Mapping):
        if value.get("kind") not in KINDS:
            raise ValueError(f"`kind` is one of {', '.join(KINDS)}, or package.module:attribute of one of your own")
        return value
    text = str(value)
    if text.startswith(SHIPPED) or (Path(text) / "manifest.json").is_file():
        return {
            "kind": "surface" if kind_of(text, "generator", "surface").startswith("surface/") else "embedded",
            "path": text,
        }
    if (Path(text) / "config.json").is_file():
        return {"kind": "huggingface", "model": text}
    if text.count("/") == 1 and text[0] not in "./~" and not Path(text).exists():  # as the hub names its models
        return {"kind": "huggingface", "model": text}
    raise ValueError(
        "no generator is there; give shipped:NAME, the folder of a generator or of a Hugging Face model, a hub id "
        "OWNER/NAME, {kind: constant, text: ...}, or package.module:attribute of one of your own"
    )


GeneratorConfig = Annotated[
    Annotated[Embedded, Tag("embedded")]
    | Annotated[HuggingFace, Tag("huggingface")]
    | Annotated[Constant, Tag("constant")]
    | Annotated[Surface, Tag("surface")]
    | Annotated[Own, Tag("own")],
    Discriminator(_kind_of),
    BeforeValidator(_named),
]
"""What answers people. A text says which by what lies there; a mapping by its `kind`."""
