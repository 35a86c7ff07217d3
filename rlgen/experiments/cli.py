"""The `rlgen` command: a table of sub-commands, each imported only when it is called."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rlgen import __version__
from rlgen.errors import RlgenError
from rlgen.experiments.display.encodings import take_any_text
from rlgen.experiments.extras import missing
from rlgen.seams import IMPORTED, look_in

# group -> name -> (module under rlgen.experiments.commands, summary); the module has `main(argv) -> int`.
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "learn": {
        "train": ("train", "train a policy with PPO; the same command resumes it"),
        "evaluate": ("evaluate", "measure a policy on fresh people beside simple baselines"),
        "sweep": ("sweep", "train every cell of a study on every seed, here or on a cluster"),
        "tune": ("tune", "search hyperparameters, and judge them on other seeds and people"),
        "compare": ("compare", "which of several reward designs is better, and which one is gamed"),
        "report": ("report", "write a run's report.html"),
        "reproduce": ("reproduce", "train runs again and say whether every figure matches"),
        "fit baselines": ("fit_baselines", "find the best simple rules in a world of your own"),
        "fit surface": ("fit_surface", "measure replies' readings, for fast simulation without text"),
    },
    "people": {
        "simulate": ("simulate", "let a policy talk to simulated people; the dialogues as JSON lines"),
        "chat": ("chat", "talk to a policy yourself"),
        "fit users": ("fit_users", "fit simulated people to rated human dialogues"),
    },
    "parts": {
        "check": ("check", "check an environment or a part of your own, a line for each law"),
        "reward list": ("reward_list", "show reward terms and designs, or check one of your own"),
        "reward audit": ("reward_audit", "what can be known of a reward design before training on it"),
        "reward distance": ("reward_distance", "how far reward designs are apart, without training"),
        "fit reward": ("fit_reward", "learn a reward from which dialogues people ended better in"),
        "recognize": ("recognize", "read the emotion in a recording of your own"),
        "bank build": ("bank_build", "make a signal bank, synthetic or of recordings"),
        "fit recognizer": ("fit_recognizer", "train an emotion recognizer on a signal bank"),
        "fit steering": ("fit_steering", "fit directions that steer a Hugging Face model"),
    },
    "keep": {
        "serve openenv": ("serve_openenv", "serve simulated people to OpenEnv clients"),
        "push": ("push", "share a policy with its card, in a folder or at the Hugging Face hub"),
        "pull": ("pull", "take over a policy that somebody shared"),
        "audit verify": ("audit_verify", "check an audit log for tampering"),
        "doctor": ("doctor", "check this installation"),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


def _usage(prefix: str = "") -> str:
    width = max(map(len, COMMANDS))
    lines = []
    for group, commands in GROUPS.items():
        shown = {name: summary for name, (_, summary) in commands.items() if name.startswith(prefix)}
        if shown:
            lines += ["", group] + [f"  {name:<{width}}  {summary}" for name, summary in shown.items()]
    return "\n".join(
        [
            f"rlgen {__version__}: reinforcement learning of how to answer a person in distress",
            "",
            f"usage: rlgen {prefix + ' ' if prefix else ''}COMMAND [OPTIONS]    (rlgen COMMAND --help: its options)",
            *lines,
        ]
    )


def _find(argv: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    for words in (2, 1):
        name = " ".join(argv[:words])
        if len(argv) >= words and name in COMMANDS:
            return name, argv[words:]
    return None


def _nearest(argv: Sequence[str]) -> str:
    """The command, or group of commands, that somebody may have meant; empty where none is like it."""
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    for words, known in ((2, [*COMMANDS]), (1, [*COMMANDS, *sorted(groups - {argv[0]})])):
        meant = " ".join(argv[:words]).lower().replace("_", " ").replace("-", " ").strip()
        if len(argv) >= words and (like := difflib.get_close_matches(meant, known, 1, 0.75)):
            return like[0]
    return ""


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(program: str, told: object) -> int:
    """Say on one line of standard error what is wrong."""
    line = "".join(character if character.isprintable() else "?" for character in str(told))
    print(f"{program}: {line}", file=sys.stderr)
    return 2


def call(program: str, command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Run a command; 0 done, 2 a mistake of the user's (one sentence on stderr), 130 interrupted.

    Args:
        program: what was typed for it, e.g. `"rlgen train"`, which begins every message.
        command: takes what follows, gives the exit status.
        argv: what follows.
    """
    take_any_text()
    try:
        status = command(argv)
        sys.stdout.flush()
        return status
    except RlgenError as error:
        return _refuse(program, error)
    except ModuleNotFoundError as error:
        told = missing(error)
        if told is None:
            raise
        return _refuse(program, told)
    except BrokenPipeError:  # whoever read our output has had enough
        _drop_output()
        return 0
    except OSError as error:
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()  # what could not be written is not tried again at the end
        where = f"{error.filename}: " if error.filename else ""
        return _refuse(program, f"{where}{error.strerror or error}; check path, rights and disk")
    except (MemoryError, RuntimeError) as error:
        from rlgen.hardware import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        return _refuse(program, "the memory is full; do less at once, close other programs or choose another --device")
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; exit statuses as of `call`."""
    take_any_text()
    IMPORTED.clear()
    look_in(Path.cwd())  # as `python -m` does: parts of one's own lie where one works
    argv = list(sys.argv[1:] if argv is None else argv)
    if any(word.partition("=")[0] == "--import" for word in argv):
        from rlgen.experiments.options import take_imports

        try:
            argv = take_imports(argv)
        except RlgenError as error:
            return _refuse("rlgen", error)
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(_usage())
        return 0
    if argv[0] == "--version":
        print(__version__)
        return 0
    found = _find(argv)
    if found is None:
        group = any(name.startswith(argv[0] + " ") for name in COMMANDS)
        if group and (len(argv) == 1 or argv[1] in {"-h", "--help"}):
            print(_usage(argv[0]))
            return 0
        given = " ".join(argv[:2] if group else argv[:1])
        like = _nearest(argv)
        meant = f"did you mean {like}? " if like else ""
        return _refuse(
            "rlgen", f"no command {given!r}; {meant}`rlgen {argv[0] + ' ' if group else ''}--help` lists them"
        )
    name, rest = found

    def command(rest: Sequence[str]) -> int:
        return int(importlib.import_module(f"rlgen.experiments.commands.{COMMANDS[name][0]}").main(rest))

    return call(f"rlgen {name}", command, rest)


if __name__ == "__main__":
    sys.exit(main())
