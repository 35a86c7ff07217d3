"""`rlgen chat`: a real person talks to a policy, in the place of a simulated one."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from rlgen.experiments.options import parse
from rlgen.experiments.runs.policies import POLICY, find_policy
from rlgen.experiments.runs.worlds import WorldOptions


class ChatOptions(WorldOptions):
    """Talk to a policy at the terminal; with your consent, the dialogue is logged as `rlgen simulate` logs."""

    policy: str = Field(default="baseline:centre", description=POLICY)
    seed: int = Field(
        default=0,
        ge=0,
        le=2**32 - 1,
        description="of the generator's draws; a dialogue's number in --out is part of them",
    )
    out: Path = Field(default=Path("chat.jsonl"), description="log, to which the dialogue is appended")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(ChatOptions, argv, "chat")
    from rlgen.envs import World
    from rlgen.experiments.dialogues.chat import ChatLog, for_a_person, talk
    from rlgen.experiments.dialogues.terminal import BOUNDARY, USAGE, Left, Terminal
    from rlgen.users import HumanConfig, HumanUsers

    env_id, config, _ = options.world_for(options.policy)
    log = ChatLog(options.out)
    config, parts, guard = for_a_person(config)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # bytes that are no text must not end the talk
    terminal = Terminal(sys.stdin, sys.stdout, guard, config.max_turns)
    assert isinstance(config.users, HumanConfig)
    world = World(config, 1, parts=parts, users=HumanUsers(config.users, terminal))
    actor = find_policy(options.policy, env_id, world).actor
    with log:
        try:
            for paragraph in BOUNDARY:
                terminal.say(paragraph, below=True)
            question = f"May this dialogue, your words and ratings, be written to {options.out} on this machine?"
            if terminal.consents(question):
                log.open()
            else:
                terminal.say("Nothing will be written.")
            terminal.say(USAGE, above=True, below=True)
            talk(world, actor, terminal, options.seed, log.dialogues, log.write)
        except Left:  # before a word was said
            pass
        except KeyboardInterrupt:  # while the program was thinking
            terminal.say("Broken off.", above=True)
    kept = f"{log.turns} turns were written to {options.out}." if log.turns else "Nothing was written."
    terminal.say(f"The dialogue is over. {kept}", above=True)
    return 0
