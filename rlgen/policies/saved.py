"""Zip files that Stable-Baselines3 and sb3-contrib save: which algorithm, and the statistics beside them."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rlgen.errors import ArtifactError
from rlgen.hardware import memory_of

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize

# What SB3, zipfile and pickle raise for a file that is none of theirs, or needs code that is not here.
UNREADABLE: Final = (
    *(ValueError, KeyError, EOFError, RuntimeError, AssertionError, AttributeError, TypeError, IndexError),
    *(ImportError, pickle.UnpicklingError, zipfile.BadZipFile, OSError),
)

# An entry that only this algorithm keeps in its file, in the order of asking: TQC has all of SAC's and one more.
_MARKS: Final = (
    ("cg_max_steps", "sb3_contrib", "TRPO"),
    ("n_delta", "sb3_contrib", "ARS"),
    ("n_quantiles", "sb3_contrib", "QRDQN"),
    ("exploration_fraction", "stable_baselines3", "DQN"),
    ("top_quantiles_to_drop_per_net", "sb3_contrib", "TQC"),
    ("target_policy_noise", "stable_baselines3", "TD3"),
    ("clip_range", "stable_baselines3", "PPO"),
    ("gae_lambda", "stable_baselines3", "A2C"),
)


def data_of(path: str | Path) -> dict[str, Any]:
    """The plain part of a saved model, without unpickling anything: `num_timesteps` and the like.

    Raises:
        ArtifactError: missing, or not a zip file of SB3's.
    """
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: there is no policy here; give a run folder or a zip file that training wrote")
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read("data"))
    except UNREADABLE as error:
        raise ArtifactError(
            f"{path}: cannot be read as a policy ({error}); give a zip file that training, or SB3's `save`, wrote"
        ) from error
    if not isinstance(found, dict) or "policy_class" not in found:
        raise ArtifactError(f"{path}: names no policy class; give a zip file that training, or SB3's `save`, wrote")
    return found


def algorithm_of(path: str | Path) -> type[BaseAlgorithm]:
    """The class that a saved model is of; DDPG is a TD3 to SB3 and acts as one.

    Raises:
        ArtifactError: no file, none of SB3's, or of an algorithm that neither SB3 nor sb3-contrib has.
    """
    import sb3_contrib
    import stable_baselines3

    homes: dict[str, Any] = {"stable_baselines3": stable_baselines3, "sb3_contrib": sb3_contrib}
    data = data_of(path)
    home = str(data["policy_class"].get("__module__", "")).partition(".")[0]
    if home == "sbx":
        raise ArtifactError(
            f"{path}: was saved by SBX, whose policies are JAX programs that rlgen does not load; give an object "
            "with `act` instead: --policy FILE.py:NAME"
        )
    found: type[BaseAlgorithm] | None = next((getattr(homes[h], name) for m, h, name in _MARKS if m in data), None)
    if found is None and {"target_entropy", "tau"} <= data.keys():
        found = sb3_contrib.CrossQ if "policy_delay" in data else stable_baselines3.SAC
    if found is None:
        raise ArtifactError(
            f"{path}: was saved by an algorithm that is neither in SB3 nor in sb3-contrib (its policy is of "
            f"{data['policy_class'].get('__module__', 'an unknown module')}); give an object with `act` instead: "
            "--policy FILE.py:NAME"
        )
    return _kind_of_ppo(path, data) if found is stable_baselines3.PPO else found


def _kind_of_ppo(path: str | Path, data: dict[str, Any]) -> type[BaseAlgorithm]:
    """PPO, its recurrent and its masked kin keep the same entries: their policies tell them apart."""
    from sb3_contrib import MaskablePPO, RecurrentPPO
    from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
    from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
    from stable_baselines3 import PPO
    from stable_baselines3.common.save_util import json_to_data

    from rlgen.policies.bounded import BoundedPolicy
    from rlgen.policies.ppo import BoundedPPO

    try:
        policy = json_to_data(json.dumps({"policy_class": data["policy_class"]}))["policy_class"]
    except UNREADABLE as error:
        raise _unloaded(path, error) from error
    for base, kind in (
        (BoundedPolicy, BoundedPPO),
        (RecurrentActorCriticPolicy, RecurrentPPO),
        (MaskableActorCriticPolicy, MaskablePPO),
    ):
        if issubclass(policy, base):
            return kind
    return PPO


def _unloaded(path: str | Path, error: Exception) -> ArtifactError:
    """What to raise where a saved model needs a class that cannot be found."""
    missing = re.search(r"No module named '([\w.]+)'", str(error))
    if missing is None:
        return ArtifactError(f"{path}: its policy's class cannot be loaded ({error}); bring its module along")
    return ArtifactError(
        f"{path}: was trained with a part of module {missing[1]!r}, which is not found here; work in the folder that "
        f"holds it, or add --import FOLDER/{missing[1].replace('.', '/')}.py"
    )


def load_model(
    path: str | Path, device: str = "cpu", kind: type[BaseAlgorithm] | None = None, env: VecEnv | None = None
) -> BaseAlgorithm:
    """A saved model of any algorithm of SB3 or sb3-contrib.

    Args:
        path: the zip file.
        device: where it is to act or to learn.
        kind: of the algorithm; None finds out (`algorithm_of`).
        env: to go on learning in, from where it stands; None to act only.

    Raises:
        ArtifactError: missing, damaged, or of an algorithm that is in neither.
        ConfigError: it does not fit into the device's memory.
    """
    from rlgen.policies.ppo import BoundedPPO

    kind = algorithm_of(path) if kind is None or not Path(path).is_file() else kind
    # SB3 loads what it can of a policy whose weights have other names: of ours that is another policy.
    strict: Any = "error" if issubclass(kind, BoundedPPO) else "ignore"
    try:
        with memory_of(device, str(path)), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="stable_baselines3|sb3_contrib")
            warnings.filterwarnings(strict, message="You are probably loading")
            return kind.load(path, env=env, device=device, force_reset=env is None)
    except UserWarning as error:
        raise ArtifactError(f"{path}: was made by another version of rlgen; train it again") from error
    except UNREADABLE as error:
        if isinstance(error, ModuleNotFoundError):
            raise _unloaded(path, error) from error
        raise ArtifactError(
            f"{path}: cannot be read as a {kind.__name__} ({' '.join(str(error).split())[:200]}); save it again with "
            "the versions of SB3 and torch that are installed here"
        ) from error


def own_statistics(path: str | Path) -> list[Path]:
    """Names under which statistics belong to `NAME.zip` and to no other model.

    `NAME_vecnormalize.pkl`, `NAME.vecnormalize.pkl`, and what SB3's `CheckpointCallback` writes:
    `PREFIX_vecnormalize_N_steps.pkl` beside `PREFIX_N_steps.zip`.
    """
    path = Path(path)
    own = [path.with_name(f"{path.stem}_vecnormalize.pkl"), path.with_name(f"{path.stem}.vecnormalize.pkl")]
    if numbered := re.fullmatch(r"(.+)_(\d+)_steps", path.stem):
        own.append(path.with_name(f"{numbered[1]}_vecnormalize_{numbered[2]}_steps.pkl"))
    return own


def shared_statistics(path: str | Path) -> list[Path]:
    """Names under which statistics lie beside a model and may be of another one in the same folder.

    `vecnormalize.pkl`, `vec_normalize.pkl`, and RL Zoo's `ENV/vecnormalize.pkl`, where one folder beside it has one.
    """
    path = Path(path)
    zoo = sorted(path.parent.glob("*/vecnormalize.pkl"))
    return [path.with_name("vecnormalize.pkl"), path.with_name("vec_normalize.pkl"), *(zoo if len(zoo) == 1 else [])]


def find_statistics(path: str | Path) -> tuple[Path, VecNormalize] | None:
    """The statistics of a `VecNormalize` that lie beside a saved model; None where there are none.

    The names are those of `own_statistics`, then of `shared_statistics`.

    Raises:
        ArtifactError: the file of that name holds something else.
    """
    from stable_baselines3.common.vec_env import VecNormalize

    places = [*own_statistics(path), *shared_statistics(path)]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return None
    try:
        found = pickle.loads(file.read_bytes())
    except UNREADABLE as error:
        raise ArtifactError(f"{file}: cannot be read as statistics ({error}); save them again with env.save") from error
    if not isinstance(found, VecNormalize):
        raise ArtifactError(f"{file}: holds {type(found).__name__}, not a VecNormalize; save it with env.save")
    found.training = False
    return file, found


def sha256_of(path: str | Path) -> str:
    """Hash of a file, in hex."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def weights_sha256(path: str | Path) -> str:
    """Hash of the weights in a zip file that SB3 saved, in hex: names, shapes and bytes of the policy's tensors.

    Raises:
        ArtifactError: missing or damaged.
    """
    import torch

    try:
        with zipfile.ZipFile(path) as archive, archive.open("policy.pth") as entry:
            weights = torch.load(io.BytesIO(entry.read()), map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise ArtifactError(f"{path}: cannot be read as a policy ({error}); train it again") from error
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
