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
