"""A run's page at Weights & Biases: metrics while it learns, then its curve, its validations and its policy.

What is on disk is the truth, and this a view of it: a run starts, goes on and ends whatever W&B and the network do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ssl import SSLError
from typing import Any, Final, Literal
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import note
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.tracking import flat
from rlgen.policies.saved import data_of, sha256_of, weights_sha256

_NAME: Final = 128  # characters of a name that W&B takes
_TAG: Final = 64  # of a tag
_START: Final = 15.0  # seconds in which a server has to answer
_END: Final = 30.0  # seconds that sending what is left may take; all of it stays on disk


class WeightsAndBiases:
    """The page of a run, which its config names and tags; offline it lies in the run's folder until `wandb sync`.

    Nothing that fails once it has begun stops a run: it is told in a sentence, and W&B is left alone from then on.

    Args:
        run: which has a config and a manifest; the latter keeps the id by which W&B knows the run when it goes on.
        mode: whether it is sent at once. Where the server does not answer, that is told, and it is written offline.
        project: at W&B; None for the one that the run has.
        group: of runs that belong together, as the seeds of one reward design; None for the one that the run has.

    Raises:
        ConfigError: there is no login, or W&B refuses what it was given.
    """

    def __init__(
        self, run: Run, mode: Literal["offline", "online"], project: str | None = None, group: str | None = None
    ) -> None:
        self._of = run
        known, config = run.wandb(project, group), run.config()
        name = "/".join(filter(None, (known["group"], run.path.resolve().name)))
        asked = {**known, "name": name[-_NAME:], "job_type": "train", "tags": _tags(config), "config": config}
        self._page = _begun(mode, {**asked, "dir": str(run.path), "resume": "allow"})
        # Against the run's own steps: those after a checkpoint are lived through, and logged, again after a kill.
        self._try(lambda page: (page.define_metric("step"), page.define_metric("*", step_metric="step")))

    def write(self, record: Mapping[str, Any]) -> None:
        """Log the numbers of a record."""
        self._try(lambda page: page.log({"step": record["step"], **flat(record)}))

    def evaluated(self, found: Mapping[str, Any]) -> None:
        """Show an evaluation: a table of all policies' means with their intervals, and the first one's as figures.

        Args:
            found: what evaluation.json holds.
        """
        own = found["policies"][found["reference"]]
        names = [name for name, value in own.items() if isinstance(value, Mapping) and {"mean", "low"} <= value.keys()]
        rows = [
            [policy, *(value[name][key] for name in names for key in ("mean", "low", "high"))]
            for policy, value in found["policies"].items()
        ]
        columns = ["policy", *(f"{name}{of}" for name in names for of in ("", " low", " high"))]
        self._table("evaluation", columns, rows)
        self._try(lambda page: page.summary.update({f"evaluation/{name}": own[name]["mean"] for name in names}))

    def close(self) -> None:
        """Show what a training left, and finish: its curve, a table of validations, the policy with its hashes."""
        metrics = self._of.read_metrics()
        validated = [record for record in metrics if "validation" in record]
        if validated:
            names = list(validated[0]["validation"])
            rows = [[record["step"], *(record["validation"][name] for name in names)] for record in validated]
            self._table("validations", ["step", *names], rows)
        if metrics:
            self._try(lambda page: page.log({"learning_curve": _wandb().Image(learning_curve(metrics))}))
        if self._of.best.is_file():
            self._try(lambda page: page.log_artifact(self._artifact(self._of.best), aliases=["best"]))
        if self._of.policy.is_file():
            self._try(lambda page: page.log_artifact(self._artifact(self._of.policy), aliases=["latest"]))
        self.finish()

    def finish(self) -> None:
        """Send what is left; until all steps are done the page is that of a run that failed."""
        done = self._of.policy.is_file() and self._of.standing().finished
        self._try(lambda page: page.finish(exit_code=0 if done else 1))

    def _table(self, name: str, columns: list[str], rows: list[list[Any]]) -> None:
        self._try(lambda page: page.log({name: _wandb().Table(columns=columns, data=rows)}))

    def _artifact(self, policy: Any) -> Any:
        """A policy as its run's folder would hold it, with its hashes beside it."""
        kept = {"policy.zip": policy} | {name: self._of.path / name for name in ("config.json", "manifest.json")}
        told = {"step": data_of(policy)["num_timesteps"], "config": self._of.config()["hash"]}
        told |= {"weights_sha256": weights_sha256(policy), "parts": self._of.manifest()["parts"]}
        told |= {"sha256": {name: sha256_of(file) for name, file in kept.items()}}
        made = _wandb().Artifact(f"policy-{self._of.wandb()['id']}", "model", metadata=told)
        for name, file in kept.items():
            made.add_file(str(file), name)
        return made

    def _try(self, what: Callable[[Any], object]) -> None:
        if self._page is None:
            return
        try:
            what(self._page)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            self._page = None
            place = self._of.path / "wandb" / "*run-*"
            note(f"W&B failed ({_told(error)}); the run goes on without it, and `wandb sync {place}` sends what it has")


def _begun(mode: Literal["offline", "online"], asked: dict[str, Any]) -> Any:
    """A W&B run; None where W&B fails of itself."""
    wandb = _wandb()
    if mode == "online" and (why := _unanswered(wandb.setup().settings.base_url)) is not None:
        note(f"--wandb online: W&B cannot be reached ({why}); it is written offline, and `wandb sync` sends it later")
        mode = "offline"
    settings = wandb.Settings(
        silent=True,
        reinit="create_new",  # whatever else of W&B this process does
        init_timeout=_START,
        finish_timeout=_END,
        finish_timeout_raises=True,
    )
    try:
        return wandb.init(**asked, mode=mode, settings=settings)
    except (wandb.errors.UsageError, wandb.errors.AuthenticationError) as error:
        raise ConfigError(
            f"--wandb {mode}: W&B did not start ({_told(error)}); use `wandb login`, or --wandb offline or off"
        ) from error
    except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
        note(f"--wandb {mode}: W&B did not start ({_told(error)}); the run goes on without it")
        return None


def _unanswered(address: str) -> str | None:
    """Why no server answers at an address; None where one does, whatever it says."""
    try:
        urlopen(address, timeout=_START).close()
    except HTTPError:
        return None
    except URLError as error:  # W&B may trust what Python does not
        return None if isinstance(error.reason, SSLError) else f"{address}: {error.reason}"
    except OSError as error:
        return f"{address}: {_told(error)}"
    return None


def _wandb() -> Any:
    import wandb

    return wandb


def _tags(config: Mapping[str, Any]) -> list[str]:
    """Environment, reward design, people and generator of a run's config."""
    tags = [str(config["env"])]
    for what, field in (("reward", "reward"), ("people", "users"), ("generator", "generator")):
        part = config["world"][field]
        if isinstance(part, Mapping):
            part = next((part[key] for key in ("kind", "family", "name") if key in part), "own")
        tags.append(f"{what}:{part}"[:_TAG])
    return tags


def learning_curve(metrics: Sequence[Mapping[str, Any]]) -> NDArray[np.uint8]:
    """Return and relief of the dialogues of each iteration, and of validations where there were some: `[H, W, 4]`.

    Args:
        metrics: records, at least one.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib leaves its methods untyped
    for axes, name in zip(figure.subplots(2, 1, sharex=True), ("return", "relief"), strict=True):
        for marks, label, records in (
            ("-", "training", [(each["step"], each) for each in metrics]),
            ("o", "validation", [(each["step"], each["validation"]) for each in metrics if "validation" in each]),
        ):
            known = [(step, record[name]) for step, record in records if record[name] is not None]
            if known:
                axes.plot(*zip(*known, strict=True), marks, label=label)
        axes.set_ylabel(name)
    axes.set_xlabel("environment steps")
    axes.legend()
    canvas.draw()
    return np.array(canvas.buffer_rgba())


def _told(error: Exception) -> str:
    """The first sentence of what W&B says."""
    return " ".join((str(error) or type(error).__name__).splitlines()[0].split())[:200].rstrip(".")
