"""Public checkers of parts of one's own: does it keep the laws that those who use it rely on?

In comes a part (an environment, people, a generator, a recognizer, a reward); out comes nothing, or one sentence a
fault: what, where, what to do.

    from rlgen.checks import check_vec_env, try_vec_env

    check_vec_env(env)                    # raises `rlgen.errors.CheckError` with the first fault
    for finding in try_vec_env(env):      # all of them, law by law
        print(finding.law, finding.faults or "holds")

Each kind of part has a module of its name here, with the same three public names:

- `LAWS`: what a part of this kind owes, in the order in which it is tried (`rlgen.checks.laws.Law`);
- `try_NAME(part, ...) -> Iterator[Finding]`: tries them one after another;
- `check_NAME(part, ...) -> None`: the same, and raises `CheckError` at the first fault.

`rlgen check PART` finds the checker by what the part is, and prints a line for each law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.checks.generator import check_generator as check_generator
    from rlgen.checks.generator import try_generator as try_generator
    from rlgen.checks.recognizer import check_recognizer as check_recognizer
    from rlgen.checks.recognizer import try_recognizer as try_recognizer
    from rlgen.checks.reward import check_reward as check_reward
    from rlgen.checks.reward import try_reward as try_reward
    from rlgen.checks.users import check_users as check_users
    from rlgen.checks.users import try_users as try_users
    from rlgen.checks.vec_env import check_vec_env as check_vec_env
    from rlgen.checks.vec_env import try_vec_env as try_vec_env

__getattr__, __all__ = lazy(__name__)
