"""Which packages of the machine stand for those that are always there."""

from labrunner.sandbox.packages import essential


def test_essential_keeps_what_cannot_be_removed_and_its_needs():
    status = """Package: bash
Essential: yes
Status: install ok installed
Pre-Depends: libc6 (>= 2.36), virtual-thing
Depends: base-files:any | other

Package: libc6
Status: install ok installed
Description: C library
 Package: not-a-field

Package: provider
Status: install ok installed
Provides: virtual-thing (= 1), more

Package: base-files
Status: install ok installed

Package: removed
Essential: yes
Status: deinstall ok config-files

Package: vim
Status: install ok installed
Depends: libc6
"""
    kept = [paragraph.split("\n")[0] for paragraph in essential(status).strip().split("\n\n")]
    assert kept == ["Package: base-files", "Package: bash", "Package: libc6", "Package: provider"]
