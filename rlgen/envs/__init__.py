"""The world and its Gymnasium environments.

In come a config, which names every part (`WorldConfig`), and actions `[N, 4]`; out go observations, rewards, and how
dialogues ended (`StepResult`). A step lies in four files: `world` (the order), `pipeline` (controls to read replies),
`utterances` (what people said, and what is recognised in it), `dialogues` (what is kept of it). Names are resolved on
first use: importing this room costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.envs.config import WorldConfig as WorldConfig
    from rlgen.envs.config import world_config as world_config
    from rlgen.envs.measure import measure_surface as measure_surface
    from rlgen.envs.observation import Block as Block
    from rlgen.envs.observation import ObservationLayout as ObservationLayout
    from rlgen.envs.observation import Visible as Visible
    from rlgen.envs.records import Finished as Finished
    from rlgen.envs.records import StepResult as StepResult
    from rlgen.envs.records import TurnRecord as TurnRecord
    from rlgen.envs.support import SupportEnv as SupportEnv
    from rlgen.envs.support_dynamic import SupportDynamicEnv as SupportDynamicEnv
    from rlgen.envs.surface import ResponseSurface as ResponseSurface
    from rlgen.envs.vector import DialogueVectorEnv as DialogueVectorEnv
    from rlgen.envs.world import World as World

__getattr__, __all__ = lazy(__name__)
