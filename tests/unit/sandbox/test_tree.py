"""Programs of unpacked packages run from where they are put."""

import subprocess

from labrunner.sandbox.tree import finish


def output(*command, env):
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_programs_find_their_libraries_and_nobody_else_does(tmp_path):
    root = tmp_path / "beside" / "root"
    for path in ("usr/lib/x86_64-linux-gnu/libtoy.so.1", "usr/lib/git-core/git-toy", "usr/bin/git", "usr/bin/toy"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("#!/bin/sh\nenv\n")
        (root / path).chmod(0o755)
    (root / "usr/lib/x86_64-linux-gnu/xtables").mkdir()
    (root / "usr/sbin").mkdir()
    (root / "usr/sbin/iptables").symlink_to("/usr/bin/toy")
    final = tmp_path / "it's here"
    finish(root, programs=tmp_path / "beside/bin", final=final)
    (tmp_path / "beside").rename(final)
    lib = f"{final}/root/usr/lib/x86_64-linux-gnu"
    environment = {"PATH": "/usr/bin:/bin"}
    toy = output(final / "bin/toy", env=environment).splitlines()
    assert f"LD_LIBRARY_PATH={lib}" in toy
    assert not [line for line in toy if line.startswith(("GIT_", "XTABLES"))]
    assert f"GIT_EXEC_PATH={final}/root/usr/lib/git-core" in output(final / "bin/git", env=environment).splitlines()
    assert f"XTABLES_LIBDIR={lib}/xtables" in output(final / "bin/iptables", env=environment).splitlines()
    assert str((final / "root/usr/sbin/iptables").readlink()) == "../bin/toy"


def written(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    (root / path).chmod(0o755)


def test_a_python_program_runs_with_the_trees_python_which_nobody_else_finds(tmp_path):
    root = tmp_path / "beside/root"
    written(
        root, "usr/bin/python3.11", '#!/bin/sh\necho tree "$PYTHONPATH" "$@" >>"$0.log"\necho tree "$PYTHONPATH" "$@"\n'
    )
    (root / "usr/bin/python3").symlink_to("python3.11")
    written(root, "usr/bin/docker-compose", "#!/usr/bin/python3\n")
    written(root, "usr/bin/jsonschema", "#!/usr/bin/python3\n")
    written(root, "usr/bin/toy", "#!/bin/sh\n")
    final = tmp_path / "final"
    finish(root, programs=tmp_path / "beside/bin", final=final)
    warmed = (root / "usr/bin/python3.log").read_text()
    assert warmed == f"tree {root}/usr/lib/python3/dist-packages -sS {root}/usr/bin/docker-compose version\n"
    (tmp_path / "beside").rename(final)
    assert sorted(path.name for path in (final / "bin").iterdir()) == ["docker-compose", "toy"]
    said = output(final / "bin/docker-compose", "up", "a b", env={"PATH": "/usr/bin:/bin"})
    assert said == f"tree {final}/root/usr/lib/python3/dist-packages -sS {final}/root/usr/bin/docker-compose up a b"


def test_compose_2_is_found_under_both_names(tmp_path):
    root = tmp_path / "beside/root"
    written(root, "usr/libexec/docker/cli-plugins/docker-compose", '#!/bin/sh\necho compose "$@"\n')
    written(root, "usr/bin/docker", '#!/bin/sh\necho docker "$@"\n')
    finish(root, programs=tmp_path / "beside/bin", final=tmp_path / "final")
    (tmp_path / "beside").rename(tmp_path / "final")
    programs, env = tmp_path / "final/bin", {"PATH": "/usr/bin:/bin"}
    assert output(programs / "docker-compose", "up", "-d", env=env) == "compose up -d"
    assert output(programs / "docker", "compose", "up", "a b", env=env) == "compose up a b"
    assert output(programs / "docker", "ps", "compose", env=env) == "docker ps compose"
    assert output(programs / "docker", env=env) == "docker"
