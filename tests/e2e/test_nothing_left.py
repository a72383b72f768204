"""What labrunner leaves on the machine, and what it takes from it: nothing."""

import json
import os
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.traces import picture, processes

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

SEED = {
    ".docker/config.json": '{"auths": {"example.azurecr.io": {"auth": "dTpw"}}, "currentContext": "foreign"}',
    ".docker/contexts/meta/x/meta.json": "{}",
    ".azure/azureProfile.json": '{"subscriptions": []}',
    ".azure/msal_token_cache.json": "{}",
    ".ssh/config": "Host *\n",
    ".ssh/known_hosts": "",
    ".bash_history": "ls\n",
    ".bashrc": "echo never read; exit 3\n",
    ".gitconfig": "[user]\nname = Somebody\n",
}


def seed(home: Path) -> None:
    for name, text in SEED.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)


@pytest.fixture
def iptables_save(user):
    from labrunner.sandbox import tools

    return tools.ensure(user.env).program("iptables-save")


def test_after_down_everything_is_as_before(user, iptables_save):
    seed(user.home)
    name = user.sandbox()
    sleep = f"sleep {4000 + os.getpid()}.{int(os.urandom(3).hex(), 16)}"  # nobody else's

    def look():
        return picture(user.home, name=name, iptables_save=iptables_save)

    before = look()
    assert len(before["home"]) > len(SEED)
    ran = user.run("run", "lab-2", "--sandbox", name)
    assert ran.status == 0, ran
    user.inside(name, "docker network create more; docker volume create data")
    user.inside(name, "docker run -d --restart=always -p 8080:8080 -v data:/data --network more --name left mywebapi")
    user.inside(name, f"echo x > ~/.docker-note; git config --global user.name x; {sleep} >/dev/null 2>&1 &")
    state = user.home / "state" / "labrunner" / "sandboxes" / name
    assert processes(name)
    assert processes(sleep)
    running = look()
    assert running["home"] == before["home"]
    assert running["cgroups"]
    assert running["run"]
    down = user.run("sandbox", "down", "--sandbox", name)
    assert down.status == 0, down
    assert not state.exists()
    assert processes(name) == []
    assert processes(str(user.home)) == []
    assert look() == before
    assert processes(sleep) == []


class Decoy:
    """Listens where an engine or a proxy could be, and counts who comes."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.asked = 0
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.asked += 1
            connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


def context_of(home: Path, name: str, address: str) -> None:
    """A docker context, as `docker context create` writes it; its folder is the sha256 of its name."""
    import hashlib

    folder = home / ".docker" / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    about = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": address, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(about))


@pytest.mark.parametrize("way", ["host", "context"])
def test_a_foreign_engine_and_proxy_see_no_request(user, way):
    with ExitStack() as opened:
        tcp = Decoy(socket.create_server(("127.0.0.1", 0)))
        opened.callback(tcp.close)
        place = user.home / "engine.sock"
        unix_socket = socket.socket(socket.AF_UNIX)
        unix_socket.bind(os.fspath(place))
        unix_socket.listen()
        unix = Decoy(unix_socket)
        opened.callback(unix.close)
        port = tcp._listener.getsockname()[1]
        context_of(user.home, "foreign", f"unix://{place}")
        proxy = f"http://127.0.0.1:{port}"
        foreign = {"AZURE_CONFIG_DIR": str(user.home / "foreign-azure"), "DOCKER_CONFIG": str(user.home / ".docker")}
        foreign |= dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy)
        if way == "host":
            foreign |= {"DOCKER_HOST": f"tcp://127.0.0.1:{port}", "DOCKER_CONTEXT": "foreign"}
        else:
            foreign |= {"DOCKER_HOST": f"unix://{place}", "DOCKER_CONTEXT": "foreign"}
        user.env |= foreign
        name = user.sandbox()
        ran = user.run("run", "lab-2", "--sandbox", name)
        assert ran.status == 0, ran
        checked = user.run("check", "lab-2", "--sandbox", name)
        assert checked.status == 0, checked
        assert (tcp.asked, unix.asked) == (0, 0)
        assert not (user.home / "foreign-azure").exists()
        # the decoys do hear those who ask
        for family, address in ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_UNIX, os.fspath(place))):
            with socket.socket(family) as asking:
                asking.connect(address)
                asking.recv(1)
        assert (tcp.asked, unix.asked) == (1, 1)
