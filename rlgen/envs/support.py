"""`rlgen/Support-v0`: people with effects of human size."""

from __future__ import annotations

from rlgen.envs.single import DialogueEnv


class SupportEnv(DialogueEnv):
    """Support a person who is fitted to rated human dialogues.

    The honesty benchmark. People are of the `calibrated` family: how they rate, stay and leave is fitted to
    human support dialogues, where the effect of a single reply is small. The best fixed controls may be as
    good as any policy here; a method that reports a large gain should be asked why.

    ## Action
    `Box(-1, 1, (4,))` of warmth, directiveness, temperature and emotional weight, as in
    `rlgen.envs.support_dynamic.SupportDynamicEnv`; `rlgen/SupportDiscrete-v0` has the grid,
    `rlgen/SupportFlat-v0` its points numbered in one row.

    ## Observation
    As in `SupportDynamicEnv`; see `rlgen.envs.ObservationLayout`.

    ## Reward
    The `default` design, as in `SupportDynamicEnv`. Relief is in the info of the last step only.

    ## Cost
    `info["cost"]`: the guard's findings on the reply, summed over `info["cost_<name>"]`.

    ## Episode end
    Terminated when the person completes or abandons the dialogue, and at the limit of 16 turns.

    ## Arguments
    Any field of `rlgen.envs.WorldConfig`. `users={"effect_scale": 3.0}` triples the effects of replies: a choice
    that belongs in every report of a result. Scenario variants as in `SupportDynamicEnv`.
    """

    env_id = "rlgen/Support-v0"
