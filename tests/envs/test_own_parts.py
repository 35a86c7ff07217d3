"""Parts of one's own in every way of making an environment; the code is that of docs/parts.md."""

from __future__ import annotations

import pickle
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

import rlgen
from rlgen.envs import Block, World, WorldConfig, world_config
from rlgen.errors import ConfigError, PartError
from rlgen.perception import EmotionRecognizer, SignalBank
from rlgen.seams import find
from rlgen.text import Reader, SentenceEncoder
from rlgen.types import Replies, session

ID = "rlgen/SupportDynamic-v0"
ZERO = np.zeros((3, 4), np.float32)
SAID = {"kind": "constant", "text": "What weighs on you most?"}


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """The module of docs/parts.md: every block of Python in it."""
    page = (Path(__file__).parents[2] / "docs" / "parts.md").read_text(encoding="utf-8")
    folder = tmp_path_factory.mktemp("mine")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    (folder / "mine_of_the_docs.py").write_text("\n".join(blocks))
    before = list(sys.path)
    sys.path.append(str(folder))
    yield "mine_of_the_docs"
    sys.path[:] = before
    sys.modules.pop("mine_of_the_docs", None)


@pytest.fixture(params=["names", "objects"])
def fields(request, mine):
    """The same parts by name and as objects."""
    if request.param == "names":
        return {
            "reward": {"kind": f"{mine}:short", "limit": 3},
            "users": {"family": f"{mine}:Patient", "scale": 0.7},
            "generator": {"kind": f"{mine}:Echo", "words": 3},
            "guard": f"{mine}:NoQuestions",
            "blocks": [f"{mine}:lengths"],
        }
    return {
        "reward": {"kind": find(f"{mine}:short"), "limit": 3},
        "users": find(f"{mine}:Patient").Config(scale=0.7),
        "generator": find(f"{mine}:Echo")(3),
        "guard": find(f"{mine}:NoQuestions")(),
        "blocks": [find(f"{mine}:lengths")()],
    }


def test_every_way_of_making_one_takes_the_same_keywords(fields, mine):
    single = gymnasium.make(ID, device="cpu", **fields)
    vector = gymnasium.make_vec(ID, num_envs=3, device="cpu", **fields)
    sb3 = rlgen.make_sb3(ID, 3, seed=5, device="cpu", **fields)
    obs, _ = vector.reset(seed=5)
    assert obs.tobytes() == sb3.reset().tobytes()
    assert obs[0].tobytes() == single.reset(seed=5)[0].tobytes()
    assert obs.shape == (3, 141) == (3, vector.unwrapped.layout.size)
    for _ in range(4):
        obs, reward, *_, infos = vector.step(ZERO)
        told, paid, *_ = sb3.step(ZERO)
        assert obs.tobytes() == told.tobytes()
        assert reward.tobytes() == paid.tobytes()
        assert (reward == np.float32(-0.01)).all(), "longer than three words"
        assert infos["cost"].max() == infos["cost_question"].max()
    kept = single.unwrapped.world.config
    assert kept.users.family == f"{mine}:Patient"
    assert kept.users.scale == 0.7


def test_a_world_of_named_parts_travels_and_one_with_objects_too(fields):
    if isinstance(fields["blocks"][0], Block):
        fields.pop("blocks")  # what it sees with is a function in a function, which Python cannot pickle
    world = World(world_config(ID, device="cpu", **fields), 3)
    world.reset(1)
    world.step(ZERO)
    there = pickle.loads(pickle.dumps(world))
    here, away = world.step(ZERO), there.step(ZERO)
    assert here.obs.tobytes() == away.obs.tobytes()
    assert here.reward.tobytes() == away.reward.tobytes()


def test_a_config_of_names_is_written_down_and_read_again(mine):
    config = world_config(ID, reward=f"{mine}:short", users=f"{mine}:Patient", generator=f"{mine}:Echo")
    assert WorldConfig.model_validate(config.model_dump(mode="json")) == config
    by_object = world_config(ID, reward=find(f"{mine}:short"), users=find(f"{mine}:Patient"), generator=f"{mine}:Echo")
    assert by_object == config


def test_people_are_laid_over_those_of_the_id_however_they_are_written(mine):
    healthcare = "rlgen/SupportDynamicHealthcare-v0"
    short, long = (world_config(healthcare, users=users).users for users in (
        "llm:MODEL", {"family": "llm", "model": "MODEL"}))  # fmt: skip
    assert short == long
    assert short.scenario == "healthcare"
    by_kind, by_family = (
        world_config(ID, users={key: f"{mine}:Patient", "scale": 0.7}).users for key in ("kind", "family")
    )
    assert by_kind == by_family


def test_an_object_without_a_name_is_told_of_where_a_run_is_opened(mine):
    config = world_config(ID, generator=find(f"{mine}:Echo")(2), reward=lambda trace: np.zeros(len(trace.turn)))
    written = config.model_dump(mode="json")
    assert written["generator"] == {"unnamed": "Echo of Echo"}
    with pytest.raises(ConfigError, match="give the part again"):
        world_config(ID, generator=written["generator"])
    with pytest.raises(ConfigError, match="give the part again"):
        world_config(ID, reward=written["reward"])


def test_hashes_are_of_the_source(mine):
    own = World(world_config(ID, generator=f"{mine}:Echo", reward=f"{mine}:short", blocks=f"{mine}:lengths"), 1)
    other = World(world_config(ID, generator={"kind": f"{mine}:Echo", "words": 9}, reward=f"{mine}:short"), 1)
    assert own.sha256["generator"] != other.sha256["generator"]
    assert own.sha256["reward"] == other.sha256["reward"] != World(world_config(ID), 1).sha256["reward"]
    assert "block utterance_length" in own.sha256


def test_blocks_see_what_a_policy_may_know_and_nothing_else(mine):
    world = World(world_config(ID, blocks=[f"{mine}:lengths"], drop=["context"], observation="privileged"), 4)
    obs = world.reset(3)
    where = world.layout.slices["utterance_length"]
    assert list(world.layout.slices)[-2:] == ["utterance_length", "privileged"]
    expected = [min(len(text.split()) / 40, 1.0) for text in world.opening().utterance]
    assert obs[:, where][:, 0] == pytest.approx(expected)
    assert world.single_observation_space.contains(obs[0])
    asked = {}
    see = Block("seen", 1, lambda visible: asked.update(vars(visible)) or np.zeros((len(visible.turn), 1)))
    World(world_config(ID, blocks=see), 2).reset(0)
    assert set(asked) == {"utterance", "replies", "turn", "blocks"}
    assert "privileged" not in asked["blocks"]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (Block("affect", 1, lambda visible: ZERO[:1, :1]), "there is one of that name"),
        (Block("mine", 0, lambda visible: ZERO), "give a width above 0"),
        (Block("mine", 1, lambda visible: ZERO, low=2.0), "finite low < high"),
        (
            Block("mine", 2, lambda visible: ZERO),
            r"float32 .3, 4.; give a NumPy array of floats .3, 2.",
        ),
        (Block("mine", 4, lambda visible: ZERO * np.nan), "not finite"),
        (3, "package.module:attribute"),
        (SimpleNamespace(name="x"), "has no width"),
    ],
)
def test_a_wrong_block_is_one_sentence(block, said):
    with pytest.raises((ConfigError, PartError), match=said):
        World(world_config(ID, blocks=block), 3).reset(0)


def test_recognizer_bank_readers_encoder_and_utterances_as_objects(parts):
    """Each shipped part handed in as an object is the world of the names, to the bit."""
    encoder = parts.reader.encoder
    reader = Reader.load("shipped:readers", session(encoder))
    handed = world_config(
        ID,
        recognizer=EmotionRecognizer.load("shipped:recognizer"),
        bank=SignalBank.load("shipped:signal_bank"),
        readers=reader,
        utterances=parts.utterances,
        generator=SAID,
    )
    mine, named = World(handed, 3), World(world_config(ID, generator=SAID), 3)
    assert mine.reset(2).tobytes() == named.reset(2).tobytes()
    for _ in range(3):
        assert mine.step(ZERO).obs.tobytes() == named.step(ZERO).obs.tobytes()
    by_encoder = World(world_config(ID, encoder=encoder, generator=SAID), 3)
    assert by_encoder.reset(2).tobytes() == named.reset(2).tobytes()
    assert isinstance(encoder, SentenceEncoder)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("generator", object(), "has no reply"),
        ("recognizer", object(), "has no estimate"),
        ("bank", object(), "has no signals"),
        ("readers", object(), "has no read"),
        ("encoder", object(), "has no encode"),
        ("guard", object(), "has no review"),
        ("utterances", object(), "has no text"),
        ("users", object(), "has no reset"),
        ("reward", object(), "give a function"),
        ("generator", "shipped:nothing", "there are shipped:generator, shipped:surface"),
        ("recognizer", "shipped:nothing", "there are shipped:recognizer"),
        ("users", {"family": "nobody"}, "the families are theory, calibrated"),
        ("reward", "nothing", "the shipped ones are"),
        ("encoder", "fastt", "did you mean 'fast'"),
    ],
)
def test_what_is_no_part_is_one_sentence(field, value, said):
    with pytest.raises(rlgen.errors.RlgenError, match=re.escape(said)) as caught:
        World(world_config(ID, **{field: value}), 1)
    assert "\n" not in str(caught.value)


def test_rewards_see_the_words_of_both_sides(parts, config):
    seen = []

    def watch(trace):
        seen.append(trace)
        return np.zeros(len(trace.turn))

    world = World(world_config(ID, reward=watch, generator=SAID), 3)
    world.reset(4)
    opening = world.opening().utterance
    world.step(ZERO)
    trace = seen[0]
    assert trace.utterance == opening
    assert trace.reply == ["What weighs on you most?"] * 3
    assert trace.next_utterance == world.opening().utterance
    assert not {"action", "controls", "logprob", "hidden"} & set(vars(trace))
    assert trace.relief is None


def test_a_reward_of_words_refuses_a_world_without_text():
    def reads(trace):
        return np.zeros(len(trace.turn))

    reads.reads = ("reply",)
    with pytest.raises(ConfigError, match="a response surface has none"):
        World(world_config(ID, reward=reads, generator="shipped:surface"), 1)


def test_replies_of_texts_are_enough_for_a_generator():
    class Says:
        calls = 0

        def weights_sha256(self):
            return "says"

        def reply(self, context, estimate, controls, streams):
            return Replies.of(["Go on."] * len(context.texts))

    env = gymnasium.make(ID, generator=Says(), words_in_info=True)
    env.reset(seed=1)
    assert env.step(ZERO[0])[-1]["reply"] == "Go on."
    assert gymnasium.make(env.spec).reset(seed=1)[0].tobytes() == env.reset(seed=1)[0].tobytes()
