from threading import Event, Thread

from labrunner.sandbox.cgroups import Hierarchy, hierarchies, kill_group


def test_version_1_each_controller_and_the_named_one():
    text = "3:cpu,cpuacct:/user\n2:memory:/\n1:name=systemd:/init.scope\n"
    assert hierarchies(text) == [
        Hierarchy("cpu,cpuacct", "cgroup", "cpu,cpuacct"),
        Hierarchy("memory", "cgroup", "memory"),
        Hierarchy("systemd", "cgroup", "none,name=systemd"),
    ]


def test_version_2_is_the_only_one():
    assert hierarchies("0::/user.slice\n") == [Hierarchy("", "cgroup2")]


def test_both_versions_put_the_second_beside_the_first():
    assert hierarchies("1:pids:/\n0::/\n") == [Hierarchy("pids", "cgroup", "pids"), Hierarchy("unified", "cgroup2")]


def test_a_path_with_colons_is_no_controller():
    assert hierarchies("2:memory:/a:b:c\n") == [Hierarchy("memory", "cgroup", "memory")]


def test_groups_may_go_while_they_are_killed(tmp_path):
    """As those of containers do that end at the same time."""
    top = tmp_path / "memory" / "ours"
    (top / "kept").mkdir(parents=True)
    (top / "kept" / "freezer.state").write_text("FROZEN")
    over = Event()

    def come_and_go():
        while not over.is_set():
            (top / "container" / "inner").mkdir(parents=True)
            (top / "container" / "inner").rmdir()
            (top / "container").rmdir()

    thread = Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(300):
            kill_group(str(tmp_path), "ours")
    finally:
        over.set()
        thread.join()
    assert (top / "kept" / "freezer.state").read_text() == "THAWED"
    assert not (top / "freezer.state").exists()
