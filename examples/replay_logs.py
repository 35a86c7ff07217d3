"""Logged dialogues replayed: what would a policy have said at the points that real people came to?

Learn here: a log is people of the family `replay`, who say their turns whatever the reply was. So this shows replies
and rewards beside what was said then, and cannot tell what a reply would have done. Prints the dialogue with
the policy's replies.
"""

import json
import tempfile
from pathlib import Path

from rlgen.envs import World, world_config
from rlgen.experiments.dialogues.simulation import simulate
from rlgen.policies import shipped_baselines

LOG = [
    ("seeker", "I did not sleep at all, the exam is on Friday."),
    ("supporter", "That sounds exhausting. What worries you most about it?"),
    ("seeker", "That I fail and have to tell my parents."),
    ("supporter", "You could begin with the part you know best."),
    ("seeker", "Maybe. Thank you, that helps a little."),
]  # yours: ESConv's layout, or what `rlgen simulate` and `rlgen chat` write


def main(log: Path | None = None, people: int = 1) -> None:
    """Answer a log's first dialogues again."""
    if log is None:
        log = Path(tempfile.mkdtemp()) / "log.jsonl"
        log.write_text(json.dumps({"dialog": [{"speaker": who, "content": said} for who, said in LOG]}) + "\n")
    world = World(world_config("rlgen/Support-v0", users={"family": "replay", "path": str(log)}), 1)
    policy = shipped_baselines("rlgen/SupportDynamic-v0")["schedule"]
    for dialogue in simulate(world, policy, people):
        for turn in dialogue:
            print(f"PERSON   {turn['said']}")
            print(f"POLICY   {turn['reply']}   (reward {turn['reward']:.2f})")


if __name__ == "__main__":
    main()
