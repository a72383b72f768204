from pathlib import Path

import pytest

from labrunner.sandbox.engine import EngineSpec, arguments, is_ours
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import check_name, layout
from labrunner.sandbox.rootfs import is_masked


@pytest.mark.parametrize("name", ["default", "a", "team-2", "a" * 20])
def test_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "a" * 21, "../x", "a/b", "a\n", "ä"])
def test_no_names(name):
    with pytest.raises(SandboxError, match="no name for a sandbox") as caught:
        check_name(name)
    assert "small letters" in caught.value.remedy


def test_the_identity_is_that_of_the_folder(tmp_path):
    one = layout("x", {"XDG_STATE_HOME": str(tmp_path / "one")})
    two = layout("x", {"XDG_STATE_HOME": str(tmp_path / "two")})
    assert one.id == layout("x", {"XDG_STATE_HOME": str(tmp_path / "one")}).id
    assert one.id != two.id
    assert one.group == f"labrunner-x-{one.id}"


def test_the_same_path_in_another_root_is_another_sandbox(tmp_path, monkeypatch):
    settings = {"XDG_STATE_HOME": str(tmp_path)}
    here, stat = layout("x", settings), Path.stat
    monkeypatch.setattr(Path, "stat", lambda path: stat(tmp_path if str(path) == "/" else path))
    assert layout("x", settings).id != here.id


def test_links_in_the_way_are_resolved(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert layout("x", {"XDG_STATE_HOME": str(tmp_path / "link")}).home.startswith(f"{tmp_path}/real/")


def test_sockets_have_short_paths(tmp_path):
    assert len(layout("a" * 20, {"XDG_STATE_HOME": f"/{'long/' * 40}"}).control) < 107


@pytest.mark.parametrize(
    ("path", "masked"), [("/tmp", True), ("/tmp/x", True), ("/run/x", True), ("/tmpx", False), ("/home/tmp", False)]
)
def test_what_a_private_folder_covers(path, masked):
    assert is_masked(path) is masked


def test_the_engine_is_told_everything_that_it_might_share():
    spec = EngineSpec(name="x", id="1234", program="/p/dockerd", proxy="/p/proxy", data="/d", group="labrunner-x-1234")
    line = arguments(spec, driver="vfs")
    assert line[0] == "/p/dockerd"
    for word in ("--data-root=/d", "--cgroup-parent=/labrunner-x-1234", "--storage-driver=vfs"):
        assert word in line


@pytest.mark.parametrize(
    ("labels", "ours"),
    [
        (["labrunner.sandbox=x", "labrunner.id=1"], True),
        (["labrunner.sandbox=x", "labrunner.id=2"], False),
        (["labrunner.sandbox=y", "labrunner.id=1"], False),
        ([], False),
        (None, False),
    ],
)
def test_an_engine_is_ours_by_both_labels(labels, ours):
    assert is_ours({"Labels": labels}, name="x", identity="1") is ours
