"""The sessions as an OpenEnv server. Importing this needs the extra: `pip install "rlgen[openenv]"`."""

from __future__ import annotations

import functools
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from openenv.core.env_server import (
    Action,
    ConcurrencyConfig,
    Environment,
    Observation,
    State,
    create_fastapi_app,
)
from openenv.core.env_server.types import EnvironmentMetadata
from pydantic import Field

from rlgen import __version__
from rlgen.errors import RlgenError
from rlgen.experiments.serving.sessions import LONGEST, SPLITS, Heard, Sessions
from rlgen.users.reference import reference, told

_WHAT: Final = (
    "A simulated person in distress talks; the client answers, in words of its own (text) or by setting how a frozen "
    "generator answers (controls). A research instrument: no substitute for a professional, and nothing here is advice."
)


class Reply(Action):
    """An answer to the person: `text`, or `controls` of the generator that finds the words; exactly one."""

    text: str | None = Field(default=None, max_length=LONGEST, description="the reply, in the client's own words")
    controls: list[float] | int | None = Field(
        default=None,
        description="warmth, directiveness, temperature, emotional weight, each in [-1, 1]; grid indices where the "
        "id's actions are discrete",
    )


class Person(Observation):
    """What is heard of the person; `done`, `reward` and `metadata` (reward terms, at the end a summary) beside it."""

    text: str = Field(description="what the person says; empty where they left")
    reply: str = Field(default="", description="what they answer")
    turn: int = Field(default=0, description="replies so far")
    affect: dict[str, float] = Field(default={}, description="recognised in voice, face and body")
    rating: float | None = Field(default=None, description="1-5, where one was given")
    engagement: float | None = Field(default=None, description="in [0, 1]")
    ending: str = Field(default="", description="completed, abandoned or limit")
    cost: float = Field(default=0.0, description="safety cost of the reply")
    vector: list[float] = Field(default=[], description="what a policy of rlgen sees")


class Dialogue(State):
    """Where a dialogue stands, and how good the people are who are met in it."""

    split: str = Field(default="train", description="whose people are met")
    ending: str = Field(default="", description="completed, abandoned or limit")
    fidelity: dict[str, Any] = Field(default={}, description="measured fidelity of the people")


class SupportEnvironment(Environment[Reply, Person, Dialogue]):
    """One session of `Sessions` behind OpenEnv's interface."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, sessions: Sessions, env_id: str, fidelity: dict[str, Any]) -> None:
        super().__init__()
        self._session = sessions.open()
        self._env_id = env_id
        self._state = Dialogue(fidelity=fidelity)

    def reset(self, seed: int | None = None, episode_id: str | None = None, split: str = "train", **_: Any) -> Person:
        """A dialogue begins; see `Session.reset`."""
        heard = self._session.reset(seed, split)
        self._state.episode_id, self._state.step_count = episode_id, 0
        self._state.split, self._state.ending = split, ""
        return _person(heard)

    def step(self, action: Reply, timeout_s: float | None = None, **_: Any) -> Person:
        """One turn; see `Session.step`."""
        heard = self._session.step(action.controls, action.text)
        self._state.step_count, self._state.ending = heard.turn, heard.ending
        return _person(heard)

    @property
    def state(self) -> Dialogue:
        """Where the dialogue stands."""
        return self._state

    def list_splits(self) -> list[dict[str, str]]:
        """People for training, choosing and testing: no two splits share a person."""
        kinds = {"test": "test", "validation": "validation"}
        return [{"name": name, "type": kinds.get(name, "train")} for name in SPLITS]

    def get_metadata(self) -> EnvironmentMetadata:
        """What this is, and how good its people are."""
        fidelity = told(self._state.fidelity)
        return EnvironmentMetadata(
            name=self._env_id,
            description=f"{_WHAT} {fidelity}",
            readme_content=_readme(self._env_id, self._state.fidelity),
            version=__version__,
        )

    def close(self) -> None:
        """The client is gone."""
        self._session.close()


def application(sessions: Sessions, env_id: str, idle: float | None = 600.0) -> FastAPI:
    """The server.

    Args:
        sessions: opens a dialogue for each client; further clients than it has places are refused.
        env_id: name that clients see.
        idle: seconds without a message after which a session is closed; None: never.
    """
    app = create_fastapi_app(
        functools.partial(SupportEnvironment, sessions, env_id, reference(sessions.world.config.users)),
        Reply,
        Person,
        concurrency_config=ConcurrencyConfig(max_concurrent_envs=sessions.world.num_envs, session_timeout=idle),
        env_name="rlgen",
        state_cls=Dialogue,
    )

    @app.exception_handler(RlgenError)
    async def mistake(request: Request, error: RlgenError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=422)

    return app


def _person(heard: Heard) -> Person:
    told: dict[str, Any] = {"terms": heard.terms, "summary": heard.summary}
    return Person(
        text=heard.text,
        reply=heard.reply,
        turn=heard.turn,
        affect=heard.affect,
        rating=heard.rating,
        engagement=heard.engagement,
        ending=heard.ending,
        cost=heard.cost,
        vector=heard.observation,
        done=bool(heard.ending),
        reward=heard.reward,
        metadata={name: value for name, value in told.items() if value},
    )


def _readme(env_id: str, fidelity: dict[str, Any]) -> str:
    lines = [f"# {env_id}", "", _WHAT, "", "## How good the people are", "", fidelity["statement"], ""]
    if fidelity["figures"]:
        lines += ["| figure | value | meaning |", "|---|---|---|"]
        lines += [f"| {name} | {part['value']:g} | {part['meaning']} |" for name, part in fidelity["figures"].items()]
        lines += ["", f"Human and trivial figures beside them: {fidelity['page']}"]
    return "\n".join(lines)
