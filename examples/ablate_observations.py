"""What is an observation worth? Train with and without some of its blocks, and measure on the same people.

Learn here: `drop` leaves named blocks out (`rlgen.envs.ObservationLayout` lists them), `missing` takes modalities away.
The world is without text (`kind: surface`), for speed. Prints the return of each and its loss to the full observation.
"""

from typing import Any

import rlgen
from rlgen.envs import World, world_config
from rlgen.experiments.evaluation import evaluate
from rlgen.experiments.statistics import paired_difference
from rlgen.policies import PPOConfig, Trained, make_ppo

ENV = "rlgen/SupportDynamic-v0"
WORLDS: dict[str, dict[str, Any]] = {
    "everything": {},
    "no recognizer": {"missing": (1.0, 1.0, 1.0), "drop": ("vector",)},
    "no words": {"drop": ("utterance_reading", "context")},
    "no memory": {"drop": ("reply_reading", "earlier_reply_reading", "previous_controls")},
}


def main(steps: int = 50_000, people: int = 300, num_envs: int = 64, batch_size: int = 512) -> None:
    """Train and measure in each world; one seed says little: repeat with several."""
    returns = {}
    for name, fields in WORLDS.items():
        fields = {**fields, "generator": {"kind": "surface"}}
        model = make_ppo(rlgen.make_sb3(ENV, num_envs, seed=0, **fields), PPOConfig(batch_size=batch_size), seed=0)
        model.learn(steps)
        returns[name] = evaluate(World(world_config(ENV, **fields), num_envs), Trained(model), people).values["return"]
        loss = paired_difference(returns["everything"], returns[name])
        print(f"{name:14} {returns[name].mean():.2f}   loses {loss.mean:.2f} [{loss.low:.2f}, {loss.high:.2f}]")


if __name__ == "__main__":
    main()
