"""`rlgen serve openenv`: simulated people for any OpenEnv client."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import note
from rlgen.experiments.options import parse
from rlgen.experiments.runs.worlds import WorldOptions

_LARGEST = 64 * 1024  # bytes of a message


class ServeOptions(WorldOptions):
    """Serve simulated people to OpenEnv clients: a row of one world for each, stepped together."""

    host: str = Field(default="127.0.0.1", description="address to listen at; the default is for this machine only")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen at; 0 takes a free one")
    clients: int = Field(default=64, ge=1, le=1024, description="clients at a time; further ones are refused")
    wait: float = Field(
        default=0.004,
        ge=0,
        le=1,
        description="seconds that a turn waits for other clients', to be one step with theirs",
    )
    idle: float = Field(default=600, gt=0, description="seconds of silence after which a client's dialogue is closed")


def main(argv: Sequence[str]) -> int:
    """Run the command until it is interrupted."""
    options = parse(ServeOptions, argv, "serve openenv")
    import openenv.core
    import uvicorn

    config = options.world_config()
    with contextlib.closing(_listen(options.host, options.port)) as door:
        from rlgen.experiments.serving.openenv import application
        from rlgen.experiments.serving.sessions import Sessions

        note(f"loading {options.env} ...")
        sessions = Sessions(config, options.clients, options.wait)
        app = application(sessions, options.env, options.idle)
        host, port = door.getsockname()[:2]
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        note(f"serving {options.env} at http://{where} (OpenEnv {openenv.core.__name__}); Ctrl-C ends it")
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", ws_max_size=_LARGEST, timeout_graceful_shutdown=5)
        )
        server.run(sockets=[door])
    rounds = sessions.rounds
    if rounds.steps:
        note(f"{rounds.turns:,} turns in {rounds.steps:,} steps of the world, {rounds.turns / rounds.steps:.1f} a step")
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """A socket at the address, before the models are loaded: a port in use is said at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"--host was {host!r}: {error.strerror}; give an address of this machine") from error
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind(address)
        door.listen(128)
    except OSError as error:
        door.close()
        raise ConfigError(f"cannot listen at {host}:{port}: {error.strerror}; choose another with --port") from error
    return door
