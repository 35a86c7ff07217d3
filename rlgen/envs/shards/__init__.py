"""A world whose rows are split over processes: shards step, a learner sees one world.

In comes what a `World` takes; out goes what it gives, to the same bits on a response surface. `sharded` is the side
that asks, `serving` the side that answers, `local` starts processes of this machine; other machines are the affair of
`rlgen.experiments.runs.ray_cluster`. `pieces` puts the state of some shards together for any other number of them.
Names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.envs.shards.local import local_shard as local_shard
    from rlgen.envs.shards.shard import Shard as Shard
    from rlgen.envs.shards.sharded import ShardedWorld as ShardedWorld

__getattr__, __all__ = lazy(__name__)
