"""Public checkers of parts of one's own: does it keep the laws that those who use it rely on?

In comes a part (an environment, people, a generator, a recognizer, a reward); out comes nothing, or one sentence a
fault: what, where, what to do.

    from rlgen.checks.vec_env import check_vec_env, try_vec_env

    check_vec_env(env)                    # raises `rlgen.errors.CheckError` with the first fault
    for finding in try_vec_env(env):      # all of them, law by law
        print(finding.law, finding.faults or "holds")

Each kind of part has a module of its name here, with the same three public names:

- `LAWS`: what a part of this kind owes, in the order in which it is tried (`rlgen.checks.laws.Law`);
- `try_NAME(part, ...) -> Iterator[Finding]`: tries them one after another;
- `check_NAME(part, ...) -> None`: the same, and raises `CheckError` at the first fault.

`rlgen check PART` finds the checker by what the part is, and prints a line for each law.
"""
