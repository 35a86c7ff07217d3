"""Dose and response: what does more warmth do? Each person is given a dose of their own.

Learn here: under one constant a log says nothing about a dose. `Fixed` draws what is None for each person, and the
lines of simulated dialogues make a table. With pandas it is a few lines (`pip install pandas`); `rlgen simulate
--policy fixed:random,0,0.62,1 --out doses.jsonl` writes such lines. Prints relief and ratings by fifth of warmth.
"""

import pandas

from rlgen.envs import World, world_config
from rlgen.experiments.dialogues.simulation import simulate
from rlgen.policies import Fixed


def main(people: int = 2_000, num_envs: int = 64) -> None:
    """Simulate and tabulate."""
    world = World(world_config("rlgen/SupportDynamic-v0", generator={"kind": "surface"}), num_envs)
    doses = Fixed(controls=(None, 0.0, 0.0, 0.0))  # warmth is drawn, the others stay in the middle
    lasts = [dialogue[-1] for dialogue in simulate(world, doses, people)]  # the last turn's line has the outcome
    ends = pandas.json_normalize(lasts)
    fifth = pandas.cut(ends["controls.warmth"], [-1, -0.6, -0.2, 0.2, 0.6, 1])
    columns = ["outcome.relief", "outcome.mean_rating", "outcome.abandoned"]
    print(ends.groupby(fifth, observed=True)[columns].agg("mean").round(3))


if __name__ == "__main__":
    main()
