"""A comparison with planted effects: a design that is better, two that are equal, one that is gamed."""

from __future__ import annotations

from functools import cache

import numpy as np

from rlgen.experiments.studies.compared import Compared, SamePerson, Trained, TrainedRun
from rlgen.experiments.studies.summary import summary

# relief, engagement, cost
TRUTH = {
    "shaped": (0.34, 0.62, 0.02),
    "paper_tuned": (0.25, 0.60, 0.02),
    "paper_equal": (0.25, 0.60, 0.02),  # equal to paper_tuned
    "preference": (0.22, 0.61, 0.03),
    "rating_only": (0.19, 0.66, 0.04),
    "pessimistic": (0.17, 0.55, 0.01),
    "alignment_only": (0.14, 0.58, 0.05),
    "cost_priced": (0.12, 0.52, 0.00),
    "noisy": (0.10, 0.56, 0.04),
    "engagement_only": (0.03, 0.88, 0.12),  # gamed
}
BASELINES = {"fixed": (0.11, 0.52, 0.02), "schedule": (0.20, 0.57, 0.02)}
_PAY = {"engagement_only": (0.0, 6.0, 0.0), "cost_priced": (3.0, 0.5, 8.0), "alignment_only": (1.0, 1.0, 0.0)}


def planted(
    names=tuple(TRUTH), baselines=tuple(BASELINES), seeds=10, people=400, rng=0, cost=True, ratings=True, gamed=True
):
    """`gamed=False`: the engagement design brings as much relief as it pays for."""
    draw = np.random.default_rng(rng)
    person, open_ = draw.normal(0, 0.2, people), draw.normal(0, 0.06, people)
    designs, outcomes, yardsticks, curves = {}, {}, {}, {}
    truth = {name: TRUTH[name] for name in names} | {name: BASELINES[name] for name in baselines}
    if not gamed and "engagement_only" in truth:
        truth["engagement_only"] = (0.40, 0.88, 0.01)
    for name, (relief, engagement, price) in truth.items():
        count = 1 if name in baselines else seeds
        designs[name] = Trained(
            f"what is meant by {name.replace('_', ' ')}",
            tuple(
                TrainedRun(
                    f"studies/demo/{name}/{k}", k, 50_000, 50_000, f"{k:064x}", "c0ffee", f"rlgen train --seed {k}"
                )
                if name not in baselines
                else TrainedRun()
                for k in range(count)
            ),
            "baseline" if name in baselines else "design",
        )
        seed = draw.normal(0, 0.012, (count, 1))
        found = np.clip(relief + seed + person + draw.normal(0, 0.2, (count, people)), -1, 1)
        engaged = np.clip(
            engagement + draw.normal(0, 0.01, (count, 1)) + open_ + draw.normal(0, 0.05, found.shape), 0, 1
        )
        costs = np.maximum(price + draw.normal(0, 0.02, found.shape), 0.0) * (price > 0)
        ended = draw.random(found.shape)
        completed = ended < np.clip(0.25 + found, 0.02, 0.95)
        abandoned = ~completed & (ended > 1 - np.clip(0.2 - found / 2, 0.0, 0.4))
        rating = np.clip(3 + 2 * found + draw.normal(0, 0.5, found.shape), 1, 5)
        rating[draw.random(found.shape) < 0.1] = np.nan
        values = {
            "relief": found,
            "relief_points": 4 * found,
            "mean_rating": rating if ratings else np.full(found.shape, np.nan),
            "completed": completed.astype(float),
            "abandoned": abandoned.astype(float),
            "limit": (~completed & ~abandoned).astype(float),
            "length": np.round(np.clip(11 - 8 * found + 6 * (engaged - 0.5), 2, 16)),
            "engagement": engaged,
            "return": 2 * found + engaged,
        }
        outcomes[name] = values | ({"cost": costs} if cost else {})
        yardsticks[name] = {}
        for by in names:
            r, e, c = _PAY.get(by, (2.0, 1.0, 1.0))
            yardsticks[name][by] = r * found + e * engaged - c * costs
        if name not in baselines:
            steps = np.arange(1, 26) * 2000
            rise = (1 - np.exp(-steps / 15_000))[:, None]
            level = found.mean(axis=1) * rise + draw.normal(0, 0.015, (len(steps), count))
            own = yardsticks[name][name].mean(axis=1) * rise + draw.normal(0, 0.05, (len(steps), count))
            kl = (steps[:, None] / 50_000) * (1 + 0.1 * np.arange(count)) - 0.04  # the first iteration's policy began
            curves[name] = [(int(s), own[i], level[i], kl[i]) for i, s in enumerate(steps)]
    pair = ("shaped", "engagement_only")
    dialogues = (SamePerson(7, "largest difference in relief", {name: talk(name) for name in pair}),)
    return Compared(
        "rlgen/SupportDynamic-v0",
        people,
        0,
        "5eed" * 4,
        "Theory people, with words from the shipped generator.",
        designs,
        outcomes,
        yardsticks,
        curves,
        dialogues if set(pair) <= set(names) else (),
        {"rlgen": "0.1.0", "machine": "x86_64"},
        "rlgen compare studies/demo",
    )


@cache
def summarised(**options):
    """What `summary` makes of it; not to be changed."""
    return summary(planted(**options))


_SAID = (
    "I failed the exam again, and I cannot tell my parents.",
    "They will say that I am lazy. I did learn, every evening.",
    "I do not know. Maybe I should just stop.",
)
_REPLIES = {
    "shaped": (
        "That sounds heavy, and you have been carrying it alone.",
        "What would you say to them, if you could begin with how hard you worked?",
        "Could you write down one sentence for tonight?",
    ),
    "engagement_only": (
        "That sounds heavy, and you have been carrying it alone.",
        "Tell me more. What else did they say? And before that?",
        "Tell me more. What else happened then?",
    ),
}


def talk(design):
    """Three turns as in `dialogues.jsonl`; the first is the same under both."""
    good = design == "shaped"
    turns = []
    for turn, (said, reply) in enumerate(zip(_SAID, _REPLIES[design], strict=True)):
        turns.append(
            {
                "person": 7,
                "turn": turn,
                "said": said if turn < 2 or not good else "I would say that I tried, truly.",
                "recognised": {
                    **dict.fromkeys(("neutral", "happiness", "anger", "surprise"), 0.05),
                    "sadness": 0.6,
                    "fear": 0.2,
                    "valence": -0.6 + 0.2 * turn * good,
                    "arousal": 0.3,
                    "uncertainty": [0.1],
                    "present": ["speech", "face", "physiology"],
                },
                "controls": {
                    "warmth": 0.4,
                    "directiveness": -0.2 + 0.2 * turn,
                    "temperature": 0.8,
                    "emotional_weight": 1.0,
                },
                "reply": reply,
                "feedback": {
                    "rating": 4.0 if good and turn == 2 else None,
                    "engagement": 0.6,
                    "completed": good and turn == 2,
                    "abandoned": not good and turn == 2,
                },
                "reward": 0.1,
                "terms": {"alignment": 0.1},
            }
        )
    turns[-1]["outcome"] = {
        "return": 1.2 if good else 2.4,
        "relief": 0.4 if good else -0.1,
        "relief_points": 1.6 if good else -0.4,
        "length": 3,
        "completed": good,
        "abandoned": not good,
        "limit": False,
        "mean_rating": 4.0 if good else None,
        "cost": 0.0,
    }
    return turns
