"""What holds for every test: no network, offline libraries, repeatable property tests."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

hypothesis.settings.register_profile("wordle-rl", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("wordle-rl")

LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")


def is_local(sock: socket.socket, address: Any) -> bool:
    """Whether an address is on this machine: a server that a test started itself."""
    return sock.family == socket.AF_UNIX or address[0] in LOCAL_HOSTS


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands record their results where nobody keeps any."""
    monkeypatch.setenv("WORDLE_RL_STORE", str(tmp_path_factory.mktemp("store") / "results.db"))


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Let no test connect to another machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
        yield


def guarded(connect: Any) -> Any:
    """A `socket.connect` that raises for addresses elsewhere."""

    def connect_here(sock: socket.socket, address: Any) -> Any:
        if not is_local(sock, address):
            raise RuntimeError(f"a test tried to reach the network: {address!r}")
        return connect(sock, address)

    return connect_here
