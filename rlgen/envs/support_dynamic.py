"""`rlgen/SupportDynamic-v0`: people for whom what helps depends on their state."""

from __future__ import annotations

from rlgen.envs.single import DialogueEnv


class SupportDynamicEnv(DialogueEnv):
    """Support a person whose needs change within the dialogue.

    The learning benchmark and the demo. People are of the `theory` family: five interactions from the
    literature make what helps depend on the person's hidden state (arousal, trust, how understood they
    feel), so that no fixed setting of the controls and no schedule by turn is best for everyone. Effects are
    not of human size; for that see `rlgen/Support-v0`.

    ## Action
    `Box(-1, 1, (4,))`:

    | index | control | from -1 to 1 |
    |---|---|---|
    | 0 | warmth | cool to tender |
    | 1 | directiveness | following to directing |
    | 2 | temperature | .3 to 1.3, geometric |
    | 3 | emotional weight | 0 to 2, linear |

    `rlgen/SupportDynamicDiscrete-v0` has `MultiDiscrete([5, 5, 3, 4])` at even grid points of the same box,
    `rlgen/SupportDynamicFlat-v0` has `Discrete(300)`, the same points numbered in one row.

    ## Observation
    One flat float32 vector with finite bounds; `env.unwrapped.layout.unflatten(obs)` names its blocks, which
    `rlgen.envs.ObservationLayout` lists: the recognised affect with its uncertainty, the emotion vector, readings of
    what was said on both sides, the last rating, engagement, the previous controls, the turn. `drop=["vector"]`
    leaves blocks out.

    ## Reward
    The `default` design: small centred terms for alignment and engagement in each turn; -1 if the person
    abandons the dialogue; 1 plus .06 per turn left if they have had enough help. Prolonging never pays.
    What the person hides (`relief`) is in the info of the last step only.

    ## Cost
    `info["cost"]`: the guard's findings on the reply, summed over `info["cost_<name>"]`.

    ## Episode end
    Terminated when the person completes or abandons the dialogue, and at the limit of 16 turns.

    ## Arguments
    Any field of `rlgen.envs.WorldConfig`, for example
    `gymnasium.make("rlgen/SupportDynamic-v0", reward="ratings", users={"reactance": False})`.
    The scenario variants (`rlgen/SupportDynamicEducation-v0`, `...Healthcare-v0`, `...Workplace-v0`, `...Companion-v0`)
    limit the topics that people bring.
    """

    env_id = "rlgen/SupportDynamic-v0"
