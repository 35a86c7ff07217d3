"""The laws of the world, on the shipped parts."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from rlgen.envs import World
from rlgen.envs.observation import ObservationLayout
from rlgen.errors import ConfigError
from rlgen.generation import ConstantGenerator
from rlgen.rng import Realm
from rlgen.text import SentenceEncoder
from rlgen.text.encoding.fast_encoder import FastEncoder


def without(layout, obs, *blocks):
    """The observation without some blocks."""
    keep = np.ones(layout.size, dtype=bool)
    for block in blocks:
        keep[layout.slices[block]] = False
    return obs[..., keep]


def test_with_a_constant_generator_nothing_but_the_memory_of_the_action_depends_on_it(make_world, run, draw):
    generator = ConstantGenerator("I hear you, and I am glad that you told me.")
    world = make_world(8, generator)
    obs_a, rewards_a, ends_a, _ = run(world, draw(12, 8, seed=1))
    obs_b, rewards_b, ends_b, _ = run(world, draw(12, 8, seed=2))
    assert np.array_equal(rewards_a, rewards_b)
    assert np.array_equal(ends_a, ends_b)
    assert np.array_equal(
        without(world.layout, obs_a, "previous_controls"), without(world.layout, obs_b, "previous_controls")
    )
    assert not np.array_equal(obs_a, obs_b)  # the memory of the action itself is there


def test_logprobs_and_controls_cannot_reach_people_or_rewards(make_world, run, draw, scripted):
    plain = run(make_world(8, scripted()), draw(12, 8, seed=1))
    scrambled = run(make_world(8, scripted(scramble=True)), draw(12, 8, seed=2))
    assert plain[1].tobytes() == scrambled[1].tobytes()
    for a, b in zip(plain[3], scrambled[3], strict=True):
        for name in a.terms:
            assert a.terms[name].tobytes() == b.terms[name].tobytes()


def test_words_do_matter(make_world, run, draw, scripted):
    warm = ConstantGenerator("I am so sorry, that sounds painful, and I am here with you.")
    cold = ConstantGenerator("Noted. Do the next task on the list now.")
    actions = draw(12, 16)
    assert not np.array_equal(run(make_world(16, warm), actions)[1], run(make_world(16, cold), actions)[1])


@pytest.mark.parametrize("rows", [1, 5])
def test_a_row_does_not_depend_on_how_many_there_are(make_world, run, draw, scripted, rows):
    actions = draw(20, 16)
    many = run(make_world(16, scripted()), actions)
    few = run(make_world(rows, scripted()), actions[:, :rows])
    assert np.array_equal(many[0][:, :rows], few[0])
    assert np.array_equal(many[1][:, :rows], few[1])


def test_both_precisions_of_an_encoder_have_one_name(config, parts):
    def world(encoder):
        return World(config, 1, parts=replace(parts, reader=SimpleNamespace(encoder=encoder)))

    exact, cast = (SentenceEncoder(dtype) for dtype in ("float32", "bfloat16"))
    assert exact.weights_sha256() != cast.weights_sha256()
    assert world(exact).encoder == world(cast).encoder == "minilm (53aa51172d142c89)"
    students = {world(FastEncoder.load(dtype=dtype)).encoder for dtype in ("float32", "bfloat16")}
    assert len(students) == 1
    assert students.pop().startswith("fast (")


@pytest.mark.parametrize("family", ["theory", "calibrated"])
@pytest.mark.parametrize("observation", ["policy", "privileged"])
def test_a_step_observes_anew_what_has_ended_alone(make_world, draw, scripted, monkeypatch, family, observation):
    world = make_world(12, scripted(), users={"family": family}, observation=observation, missing=(0.3, 0.3, 0.3))
    flatten, observed = ObservationLayout.flatten, []
    monkeypatch.setattr(
        ObservationLayout, "flatten", lambda self, blocks: observed.append(len(blocks["turn"])) or flatten(self, blocks)
    )
    world.reset(4, people=40)
    endings = set()
    for action in draw(40, 12):
        observed.clear()
        step = world.step(action)
        ended = [] if step.finished is None else [len(step.finished.rows)]
        assert observed == [12, *ended]
        assert step.obs.tobytes() == world._observe().tobytes()
        endings.add(len(ended) and ended[0])
    assert {0, 1} < endings, "some steps end no dialogue, and some end several"


def test_with_the_real_generator_words_are_equal_and_floats_close(make_world, draw):
    actions = draw(3, 16)
    worlds = [make_world(16), make_world(3)]
    for world in worlds:
        world.record = True
        world.reset(5)
    for action in actions:
        many, few = (world.step(action[: world.num_envs]) for world in worlds)
        assert worlds[0].last.reply[:3] == worlds[1].last.reply
        assert np.allclose(many.obs[:3], few.obs, atol=1e-5)
        assert np.allclose(many.reward[:3], few.reward, atol=1e-5)


def test_same_seed_same_bits_and_another_seed_other_people(make_world, run, draw):
    actions = draw(6, 4)
    world = make_world(4)
    first, again, other = run(world, actions, 3), run(world, actions, 3), run(world, actions, 4)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1].tobytes() == again[1].tobytes()
    assert first[0].tobytes() != other[0].tobytes()
    assert not {row.tobytes() for row in first[0][0]} & {row.tobytes() for row in other[0][0]}


def test_the_limit_ends_a_dialogue_as_leaving_does(make_world, draw, scripted):
    world = make_world(16, scripted(), max_turns=3)
    world.reset(0)
    endings = set()
    for action in draw(12, 16):
        step = world.step(action)
        assert not step.truncated.any()
        if step.finished is not None:
            ended = step.finished
            assert step.terminated[ended.rows].all()
            assert (ended.completed.astype(int) + ended.abandoned + ended.limit == 1).all()
            assert (ended.limit <= (ended.length == 3)).all()
            assert [getattr(ended, name)[k] for k, name in enumerate(ended.ending)] == [True] * len(ended.rows)
            endings |= set(ended.ending)
    assert endings >= {"abandoned", "limit"}


def test_realms_and_seeds_share_no_person(make_world):
    """Training seeds once shared all people but one, and a long fit could run on into those of the evaluation."""
    world, met = make_world(8), {}
    for realm in get_args(Realm):
        for seed in (0, 1):
            for first in (0, 8):
                obs = world.reset(seed, people=8, realm=realm, first=first)
                met |= {row.tobytes(): (realm, seed, first) for row in obs}
    assert len(met) == len(get_args(Realm)) * 2 * 2 * 8


def test_persons_are_those_that_later_rows_and_single_worlds_meet(make_world, run, draw):
    world = make_world(4)
    eight = make_world(8).reset(3, people=8)
    assert np.allclose(world.reset(3, people=4, first=4), eight[4:], atol=1e-5)
    assert np.allclose(make_world(1).reset(3, people=1, first=6), eight[6:7], atol=1e-5)
    with pytest.raises(ConfigError, match="10\\*\\*9 persons"):
        world.reset(3, people=2, first=10**9 - 1)
    with pytest.raises(ConfigError, match="one seed"):
        world.reset([3, 4, 5, 6], people=4)


@pytest.mark.parametrize("rows", [1, 16])
def test_at_most_one_call_per_model_and_step(make_world, draw, rows):
    world = make_world(rows)
    world.reset(0)
    before = world.calls()
    for action in draw(5, rows):
        world.step(action)
    for part, count in world.calls().items():
        assert count - before[part] <= 5, part
    assert world.calls()["generator"] - before["generator"] == 5


def test_frozen_parts_stay_frozen(make_world, draw, run):
    world = make_world(4)
    speech = world.parts.pipeline
    frozen = (speech.generator, speech.reader, speech.reader.encoder)
    before = [part.weights_sha256() for part in frozen]
    run(world, draw(4, 4))
    assert [part.weights_sha256() for part in frozen] == before


def test_missing_modalities_are_masked_and_the_chain_still_runs(make_world, draw):
    world = make_world(32, missing=(0.5, 1.0, 0.0))
    obs = world.reset(0)
    for action in draw(3, 32):
        present = world.layout.unflatten(obs)["present"]
        assert (present[:, 1] == 0).all()
        assert (present[:, 2] == 1).all()
        assert 0 < present[:, 0].mean() < 1
        obs = world.step(action).obs
    assert np.isfinite(obs).all()


def test_blind_estimates_do_not_tell_people_apart(make_world):
    world = make_world(16, missing=(1.0, 1.0, 1.0))
    blocks = world.layout.unflatten(world.reset(0))
    assert np.ptp(blocks["affect"], axis=0).max() == 0
    assert np.ptp(blocks["vector"], axis=0).max() == 0


def test_evaluation_meets_each_person_once_whatever_the_batch(make_world, scripted):
    def returns(rows):
        world = make_world(rows, scripted())
        world.reset(100, people=12)
        found = {}
        while not world.exhausted:
            ended = world.step(np.zeros((rows, 4), dtype=np.float32)).finished
            if ended is not None:
                for person, total in zip(ended.person, ended.episode_return, strict=True):
                    if person >= 0:
                        assert person not in found
                        found[int(person)] = float(total)
        return found

    five = returns(5)
    assert sorted(five) == list(range(12))
    assert five == returns(16)


def test_a_state_continues_to_the_bit(make_world, draw, scripted, check_continuation):
    check_continuation(make_world(6, scripted()), make_world(6, scripted()), draw(12, 6))


def test_terms_sum_to_the_reward_and_costs_to_the_cost(make_world, draw):
    world = make_world(8)
    world.reset(0)
    for action in draw(4, 8):
        step = world.step(action)
        assert np.allclose(sum(step.terms.values()), step.reward, atol=1e-6)
        assert np.allclose(sum(step.costs.values()), step.cost, atol=1e-6)


def test_people_who_stall_earn_no_more_than_people_who_recover(make_world, scripted):
    def episodes(population):
        """Return of each of 160 people, and whether they recovered."""
        world = make_world(160, scripted(), users={"population": population})
        world.reset(0, people=160)
        found = []
        while not world.exhausted:
            ended = world.step(np.zeros((160, 4), dtype=np.float32)).finished
            if ended is not None:
                own = ended.person >= 0
                found += zip(ended.episode_return[own], ended.completed[own], strict=True)
        returns, recovered = np.array(found).T
        return returns, recovered == 1

    stalling, none = episodes("stalling")
    assert len(stalling) == 160
    assert not none.any()
    returns, recovered = episodes("general")
    assert recovered.sum() > 10
    assert stalling.max() < returns[recovered].min()


def test_hash_of_an_episode_is_the_same_in_a_fresh_world(make_world, run, draw):
    digests = set()
    for _ in range(2):
        obs, rewards, _, _ = run(make_world(2), draw(4, 2))
        digests.add(hashlib.sha256(obs.tobytes() + rewards.tobytes()).hexdigest())
    assert len(digests) == 1


def test_a_record_holds_the_controls_that_were_given_even_where_the_dialogue_ended(make_world, draw, scripted):
    world = make_world(16, scripted())
    world.record = True
    world.reset(0)
    ended = 0
    for action in draw(20, 16):
        finished = world.step(action).finished
        assert np.array_equal(world.last.controls.warmth, action[:, 0])
        assert np.array_equal(world.last.controls.directiveness, action[:, 1])
        ended += 0 if finished is None else len(finished.rows)
    assert ended > 10
