"""`rlgen fit steering`: directions that steer a language model's hidden states, from pairs of texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import Options, parse, recorded

Direction = Literal["warmth", "directiveness", "happiness", "sadness", "anger", "fear", "surprise"]


class FitSteering(Options):
    """Fit directions that steer a Hugging Face language model: differences of mean hidden states."""

    model: str = Field(description="folder or hub id of a causal language model")
    out: Path = Field(Path("steering"), description="folder to write; an artifact there is replaced")
    layers: tuple[int, ...] = Field((), description="layers to steer, from 0; all of them by default")
    directions: tuple[Direction, ...] = Field((), description="which directions to fit; all of them by default")
    strength: float = Field(1.0, gt=0.0, le=100.0, description="factor on the directions")
    device: str = Field("cpu", description="where the model runs: cpu or cuda")
    dtype: Literal["auto", "bf16", "fp32"] = Field("auto", description="precision of the model's weights")


def main(argv: Sequence[str]) -> int:
    """Fit, measure, write."""
    options = parse(FitSteering, argv, "fit steering")
    from rlgen import artifacts
    from rlgen.artifacts import Manifest
    from rlgen.generation.huggingface import directions, steering
    from rlgen.hardware import place
    from rlgen.text.language_models.pretrained import load_pretrained

    artifacts.check_target(options.out, directions.KIND)
    repeated = {name for name in options.directions if options.directions.count(name) > 1}
    if repeated or len(set(options.layers)) < len(options.layers):
        raise ConfigError("fit steering: a direction or a layer was given twice; give each once")
    loaded = load_pretrained(options.model, *place(options.device, options.dtype))
    layers = options.layers or None
    known = steering.contrasts()
    pairs = {name: known[name] for name in options.directions or known}
    differing = steering.differences(loaded.model, loaded.tokenizer, pairs)
    fitted = steering.mean_direction(differing, options.strength, layers)
    shares = steering.told_apart(differing, layers)
    written = directions.save(
        options.out,
        fitted,
        loaded.model,
        Manifest(
            name=options.out.name,
            kind=directions.KIND,
            description="Directions in the hidden states of a language model: mean state of texts that have a quality "
            "less that of texts that lack it, layer by layer. They serve this model alone.",
            command=recorded("fit steering", options),
            quality={"pairs_told_apart": {name: round(share, 4) for name, share in shares.items()}},
            settings={
                "model": Path(options.model).resolve().name if Path(options.model).exists() else options.model,
                "layers": list(options.layers or range(next(iter(differing.values())).shape[1])),
            },
        ),
    )
    rows = [Row(f"{name}, of {len(pairs[name])} pairs", share, baseline=0.5) for name, share in shares.items()]
    show("steering: pairs told apart by the direction of the others", rows, as_json=False)
    print(f"written: {written.path}")
    return 0
