"""How human the simulated people are, in words and figures, for whoever is served them.

In comes a config of people; out comes what was measured of just these people, and no more.
"""

from __future__ import annotations

from typing import Any, Final

from rlgen.artifacts import load
from rlgen.users.calibrated.config import CalibratedConfig
from rlgen.users.calibrated.parameters import KIND
from rlgen.users.settings import FamilyConfig

PAGE: Final = "docs/results/users.md"
"""Where each figure stands beside that of human dialogues and of trivial models, with the command that prints it."""

# Beginning of a figure's name -> what it means, and the value that says nothing can be told or gained.
_MEANING: Final = {
    "sequence AUC": "two-sample test, simulated ratings beside human ones; .5: cannot be told apart",
    "joint AUC": "the same with words, valence and duration; .5: cannot be told apart",
    "rating NLL": "nats per rating of held-out people; lower is better",
    "rating QWK": "agreement of the foretold rating with the human one; 0: chance, 1: perfect",
    "ending NLL": "nats per dialogue of how and when held-out people leave; lower is better",
    "ending C-index": "order in which held-out people leave; .5: chance",
    "duration KS": "largest distance of the distributions of length; 0: the same",
    "rating-relief r": "1 where the correlation of ratings with relief is inside the human interval",
    "effects inside": "share of the effects of replies on ratings that are inside the human interval",
    "largest difference": "of such an effect from the human one, in rating points",
}


def reference(users: FamilyConfig) -> dict[str, Any]:
    """What is known of the fidelity of the people of a config.

    Returns:
        `family`; `statement`, for a person to read; `figures`, name -> value and meaning, measured on dialogues that
        took no part in fitting (empty where nothing was measured); `fit`, hash of the parameters that they belong to;
        `page`, where the figures stand beside human and trivial ones.
    """
    if not isinstance(users, CalibratedConfig):
        return {"family": users.name(), "statement": users.statement, "figures": {}}
    artifact = load(users.parameters, KIND)
    quality = artifact.manifest.quality
    figures = {
        name: {"value": value, "meaning": next((m for start, m in _MEANING.items() if name.startswith(start)), "")}
        for name, value in quality.items()
    }
    count = artifact.manifest.settings.get("dialogues")
    statement = (
        f"People fitted to {count:,} rated human dialogues; " if isinstance(count, int) else "Fitted people; "
    ) + "each figure is of people fitted to other dialogues than those that it is measured on."
    changed = [
        name
        for name in sorted(users.model_fields_set - {"family", "parameters", "scenario", "topics", "draw"})
        if getattr(users, name) != type(users).model_fields[name].default
    ]
    if changed:
        statement += (
            f" These people differ from the fit in {', '.join(changed)}: the figures are the fit's, not theirs."
        )
    return {
        "family": users.name(),
        "statement": statement,
        "figures": figures,
        "fit": dict(artifact.manifest.sha256),
        "page": PAGE,
    }


def told(found: dict[str, Any]) -> str:
    """The same as a paragraph."""
    figures = "; ".join(f"{name} {value['value']:g}" for name, value in found["figures"].items())
    where = f" Measured: {figures} ({found['page']})." if figures else ""
    return f"{found['statement']}{where}"
