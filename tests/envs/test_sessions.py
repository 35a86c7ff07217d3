"""State belongs to the world: any number of worlds, in any number of threads, on the same frozen parts."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors

from rlgen import artifacts
from rlgen.envs import World, world_config
from rlgen.envs import parts as parts_module
from rlgen.envs.generators import HuggingFace, Surface
from rlgen.envs.parts import load_parts
from rlgen.envs.pipeline import TextPipeline
from rlgen.errors import ArtifactError
from rlgen.generation import ConstantGenerator
from rlgen.generation.embedded.generator import KIND, TOKENIZER, WEIGHTS, save
from rlgen.generation.embedded.model import Shape
from rlgen.generation.embedded.tokenizer import Tokenizer
from rlgen.users import Answer, HumanConfig, HumanUsers

DYNAMIC = "rlgen/SupportDynamic-v0"
WAIT = 120  # seconds after which a test fails instead of hanging


def in_threads(*jobs: Callable[[], object]) -> list[object]:
    """What each job returns, all at the same time."""
    found: list[object] = [None] * len(jobs)
    begin = threading.Barrier(len(jobs))

    def go(i: int) -> None:
        begin.wait(WAIT)
        try:
            found[i] = jobs[i]()
        except Exception as error:  # noqa: BLE001 - it is what is compared then
            found[i] = error

    threads = [threading.Thread(target=go, args=(i,), daemon=True) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    return found


def rollout(world: World, seed: int, turns: int = 3) -> bytes:
    rng = np.random.default_rng(seed)
    told = world.reset(seed).tobytes()
    for _ in range(turns):
        step = world.step(rng.uniform(-1, 1, (world.num_envs, 4)).astype(np.float32))
        told += step.obs.tobytes() + step.reward.tobytes()
    return told


def test_environments_in_threads_are_those_one_after_another(config, parts):
    """Of unlike sizes, so that nothing could be kept of one for another."""
    sizes = (1, 3, 2)

    def jobs() -> list[Callable[[], bytes]]:
        return [partial(rollout, World(config, rows, parts=parts), 10 + rows) for rows in sizes]

    alone = [job() for job in jobs()]
    assert len(set(alone)) == 3
    assert in_threads(*jobs()) == alone


def test_worlds_that_take_turns_are_worlds_alone(config, parts):
    """Also in one thread: each world's memory has its own dialogues in its own rows."""
    alone = [rollout(World(config, 2, parts=parts), seed) for seed in (3, 4)]
    worlds = [World(config, 2, parts=parts) for _ in range(2)]
    rngs = [np.random.default_rng(seed) for seed in (3, 4)]
    told = [world.reset(seed).tobytes() for world, seed in zip(worlds, (3, 4), strict=True)]
    for _ in range(3):
        for i, world in enumerate(worlds):
            step = world.step(rngs[i].uniform(-1, 1, (2, 4)).astype(np.float32))
            told[i] += step.obs.tobytes() + step.reward.tobytes()
    assert told == alone


class Visitor:
    """A person whose words come from a page; a `rlgen.users.Person`."""

    def __init__(self) -> None:
        self.said: queue.Queue[str] = queue.Queue()
        self.heard: queue.Queue[str] = queue.Queue()

    def begin(self) -> Answer:
        return Answer(self.said.get(timeout=WAIT))

    def answer(self, reply: str, rate: bool) -> Answer:
        self.heard.put(reply)
        return Answer(self.said.get(timeout=WAIT))


class Sessions:
    """One world for each visitor, all on the same parts."""

    def __init__(self, parts) -> None:
        config = HumanConfig()
        self.parts, self.people = parts, config
        self.config = world_config(DYNAMIC, users=config)
        self.visitors: dict[int, Visitor] = {}

    def say(self, name: int, text: str) -> str:
        """What a visitor hears to a text."""
        if name not in self.visitors:
            self.visitors[name] = Visitor()
            threading.Thread(target=self._serve, args=(name,), daemon=True).start()
        visitor = self.visitors[name]
        visitor.said.put(text)
        return visitor.heard.get(timeout=WAIT)

    def _serve(self, name: int) -> None:
        world = World(self.config, 1, parts=self.parts, users=HumanUsers(self.people, self.visitors[name]))
        world.reset(name)
        try:
            while True:
                world.step(np.full((1, 4), 0.1 * (name % 5), dtype=np.float32))
        except queue.Empty:
            return


def served(sessions: Sessions) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            reply = sessions.say(int(self.path.strip("/")), text).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # all sessions knock at once, and five is the standard library's waiting room

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


TOPICS = ("my dog died", "I was fired", "I failed the exam", "we moved again", "my knee hurts", "the rent is due")


def test_each_of_sixteen_sessions_of_a_server_hears_what_it_hears_alone(parts, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # sessions end when the tests do
    says = {i: [f"{TOPICS[i % 6]}, number {i}.", f"It is {i} days now and I am tired of it."] for i in range(16)}
    by_itself = Sessions(parts)
    alone = [[by_itself.say(i, text) for text in says[i]] for i in says]
    assert len({tuple(heard) for heard in alone}) > 12
    server = served(Sessions(parts))

    def visit(name: int) -> list[str]:
        url = f"http://127.0.0.1:{server.server_port}/{name}"
        texts = [text.encode() for text in says[name]]
        return [urlopen(Request(url, data=text), timeout=WAIT).read().decode() for text in texts]

    try:
        assert in_threads(*(partial(visit, name) for name in says)) == alone
    finally:
        server.shutdown()
        server.server_close()


def test_a_generator_with_nothing_but_reply_is_used_as_it_is(config, parts, scripted):
    generator = scripted()
    world = World(config, 2, parts=replace(parts, pipeline=TextPipeline(generator, None, parts.reader)))
    assert world.parts.pipeline.generator is generator
    world.reset(0)
    world.step(np.zeros((2, 4), dtype=np.float32))
    assert world.calls()["generator"] == 1


def test_times_and_counts_are_a_worlds_own(config, parts):
    one, two = World(config, 2, parts=parts), World(config, 3, parts=parts)
    before = two.calls(), dict(two.parts.pipeline.seconds)
    rollout(one, 0, turns=2)
    assert one.calls() == {"generator": 2, "encoder": 2}
    assert (two.calls(), two.parts.pipeline.seconds) == before
    assert two.calls() == {"generator": 0, "encoder": 0}


@pytest.fixture
def fitted(tmp_path):
    """Writes the shipped generator into a folder, its weights times a factor; the parts that need long are left."""
    artifact = artifacts.load("shipped:generator", KIND)
    tensors = load_tensors(artifact.file(WEIGHTS).read_bytes())
    tokenizer = Tokenizer.from_json(artifact.file(TOKENIZER).read_bytes())
    shape = Shape(**artifact.manifest.settings["shape"])

    def write(factor: float) -> Path:
        target = tmp_path / "generator"
        save(target, shape, {name: t * factor for name, t in tensors.items()}, tokenizer, artifact.manifest)
        return target

    return write


def test_a_generator_fitted_again_into_the_same_folder_is_the_next_worlds(fitted):
    def loaded():
        return load_parts(world_config(DYNAMIC, generator=str(fitted_at)))

    fitted_at = fitted(1.0)
    first = loaded()
    assert loaded().pipeline.generator is first.pipeline.generator
    fitted(1.01)
    second = loaded()
    assert second.sha256["generator"] != first.sha256["generator"]
    assert second.pipeline.generator.weights_sha256() != first.pipeline.generator.weights_sha256()
    assert second.table is first.table, "what did not change is shared"
    (fitted_at / WEIGHTS).write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="damaged"):
        loaded()


def copied(name: str, tmp_path: Path) -> Path:
    """A copy of a shipped artifact."""
    target = tmp_path / name
    shutil.copytree(artifacts.shipped(name), target)
    return target


def described_anew(folder: Path) -> None:
    """Writes the artifact again with other settings, as fitting it again would."""
    manifest = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(manifest.replace('"description": "', '"description": "Again. '))


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("readers", lambda source: parts_module._reader(source, "fast", "cpu")),
        ("fast_encoder", lambda source: parts_module._encoder(str(source), "cpu")),
        ("fast_encoder", lambda source: parts_module._reader("shipped:readers", str(source), "cpu")),
        ("surface", lambda source: Surface(path=source).measured()),
        ("recognizer", lambda source: parts_module._perception(source, "shipped:signal_bank")[0]),
        ("signal_bank", lambda source: parts_module._perception("shipped:recognizer", source)[1]),
    ],
)
def test_every_part_is_shared_by_its_content(name, load, tmp_path):
    folder = copied(name, tmp_path)
    first = load(str(folder))
    assert load(str(folder)) is first
    described_anew(folder)
    second = load(str(folder))
    assert second is not first
    assert load(str(folder)) is second


def test_a_language_model_saved_again_is_loaded_again(tiny_models, tmp_path):
    from transformers import AutoModelForCausalLM

    from rlgen.users.own_words.chat_model import chat_model

    folder = tmp_path / "model"
    shutil.copytree(tiny_models["gpt2_plain"], folder)
    asked = HuggingFace(model=str(folder))
    first, first_mind = asked.load("cpu", "auto"), chat_model(str(folder), "cpu", "fp32")
    assert asked.load("cpu", "auto") is first
    assert chat_model(str(folder), "cpu", "fp32") is first_mind
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        next(model.parameters()).mul_(1.5)
    model.save_pretrained(folder)
    second, second_mind = asked.load("cpu", "auto"), chat_model(str(folder), "cpu", "fp32")
    assert second.weights_sha256() != first.weights_sha256()
    assert second_mind.sha256() != first_mind.sha256()


def test_language_models_in_threads_say_what_they_say_alone(config, parts, tiny_models):
    generator = HuggingFace(model=str(tiny_models["llama_chat"])).load("cpu", "auto")
    used = replace(parts, pipeline=TextPipeline(generator, None, parts.reader))

    def jobs() -> list[Callable[[], bytes]]:
        return [partial(rollout, World(config, rows, parts=used), rows, 2) for rows in (1, 2, 3)]

    assert in_threads(*jobs()) == [job() for job in jobs()]


def test_people_of_one_language_model_in_threads_are_those_alone(parts, tiny_models):
    people = {"family": "llm", "model": str(tiny_models["llama_chat"]), "max_new_tokens": 8}
    config = world_config(DYNAMIC, users=people)
    used = replace(parts, pipeline=TextPipeline(ConstantGenerator("Tell me more."), None, parts.reader))

    def jobs() -> list[Callable[[], bytes]]:
        return [partial(rollout, World(config, rows, parts=used), rows, 2) for rows in (1, 2, 3)]

    assert in_threads(*jobs()) == [job() for job in jobs()]
