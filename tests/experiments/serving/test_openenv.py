"""The server as an OpenEnv client meets it: messages over a socket in this process."""

from __future__ import annotations

import contextlib
import threading

import numpy as np
import pytest

from rlgen.envs import world_config
from rlgen.experiments.serving.sessions import Sessions

pytest.importorskip("openenv", reason='needs pip install "rlgen[openenv]"')
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from rlgen.experiments.serving.openenv import application


@pytest.fixture(scope="module")
def quick():
    return Sessions(world_config("rlgen/SupportDynamic-v0", generator="shipped:surface"), 6, wait=0.01)


@pytest.fixture(scope="module")
def client(quick):
    with TestClient(application(quick, "rlgen/SupportDynamic-v0")) as client:
        yield client


@contextlib.contextmanager
def talking(client):
    """A client that takes its leave and waits for the server to do so: the test client's own end cancels the server."""
    with client.websocket_connect("/ws") as socket:
        yield socket
        socket.send_json({"type": "close"})
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def ask(socket, kind, **data):
    socket.send_json({"type": kind, "data": data})
    return socket.receive_json()


def test_a_dialogue_is_the_sessions(client, quick):
    session = quick.open()
    expected = [session.reset(3)] + [session.step(controls=[0.1, 0.2, 0.3, 0.4]) for _ in range(2)]
    with talking(client) as socket:
        answers = [ask(socket, "reset", seed=3)["data"]]
        answers += [ask(socket, "step", controls=[0.1, 0.2, 0.3, 0.4])["data"] for _ in range(2)]
    for answer, one in zip(answers, expected, strict=True):
        assert answer["observation"]["text"] == one.text
        assert answer["observation"]["vector"] == one.observation
        assert answer["reward"] == one.reward
        assert answer["done"] is False
    session.close()


def test_clients_at_once_hear_what_each_hears_alone(client, quick):
    found = {}

    def talk(seed):
        with talking(client) as socket:
            heard = [ask(socket, "reset", seed=seed)["data"]["observation"]["text"]]
            for action in np.random.default_rng(seed).uniform(-1, 1, (6, 4)):
                answer = ask(socket, "step", controls=action.tolist())["data"]
                heard.append(answer["observation"]["text"])
                if answer["done"]:
                    break
            found[seed] = heard

    threads = [threading.Thread(target=talk, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for seed, heard in found.items():
        session = quick.open()
        played = np.random.default_rng(seed).uniform(-1, 1, (6, 4))[: len(heard) - 1].tolist()
        expected = [session.reset(seed).text, *(session.step(controls=action).text for action in played)]
        session.close()
        assert heard == expected
    assert len(found) == 4


def test_mistakes_are_answers_and_the_dialogue_goes_on(client):
    with talking(client) as socket:
        assert "call reset" in ask(socket, "step", controls=[0, 0, 0, 0])["data"]["message"]
        ask(socket, "reset", seed=1)
        assert ask(socket, "step", controls=[5, 0, 0, 0])["type"] == "error"
        assert ask(socket, "step", nonsense=1)["data"]["code"] == "VALIDATION_ERROR"
        assert "splits are" in ask(socket, "reset", seed=1, split="x")["data"]["message"]
        assert ask(socket, "step", controls=[0, 0, 0, 0])["data"]["observation"]["turn"] == 1
        socket.send_json({"type": "state"})
        state = socket.receive_json()["data"]
    assert state["step_count"] == 1
    assert state["fidelity"]["family"] == "theory"


def test_one_client_too_many_is_refused_and_a_place_is_free_again(client, quick):
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            ask(stack.enter_context(talking(client)), "reset", seed=0)
        assert quick.rounds.clients == 6
        with client.websocket_connect("/ws") as extra:
            assert extra.receive_json()["data"]["code"] == "CAPACITY_REACHED"
    assert quick.rounds.clients == 0
    with talking(client) as again:
        assert ask(again, "reset", seed=0)["type"] == "observation"


def test_what_the_people_are_is_said_before_they_are_met(client):
    told = client.get("/metadata").json()
    assert "nothing was measured" in told["description"]
    assert "no substitute for a professional" in told["description"]
    assert told["name"] == "rlgen/SupportDynamic-v0"
    assert client.get("/health").json()["status"] == "healthy"
    assert set(client.get("/schema").json()["action"]["properties"]) >= {"text", "controls"}
    assert [split["name"] for split in client.get("/rlgen/splits").json()] == ["train", "validation", "test"]


def test_plain_http_has_no_memory_and_says_so(client):
    answer = client.post("/reset", json={"seed": 3})
    assert answer.json()["observation"]["turn"] == 0
    refused = client.post("/step", json={"action": {"controls": [0, 0, 0, 0]}})
    assert refused.status_code == 422
    assert "call reset" in refused.json()["detail"]


def test_figures_of_calibrated_people_are_handed_out():
    sessions = Sessions(world_config("rlgen/Support-v0", generator="shipped:surface"))
    with TestClient(application(sessions, "rlgen/Support-v0")) as client:
        told = client.get("/metadata").json()
    assert "joint AUC" in told["description"]
    assert "| joint AUC, successes |" in told["readme_content"]
