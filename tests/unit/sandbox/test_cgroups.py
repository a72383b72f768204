from labrunner.sandbox.cgroups import Hierarchy, hierarchies


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
