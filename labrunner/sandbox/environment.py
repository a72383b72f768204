"""The environment of everything that runs in a sandbox: by allow-list, nothing else is inherited."""

from collections.abc import Mapping

__all__ = [
    "ADDRESS",
    "NETMASK",
    "PROXY",
    "REMOTE_ADDRESS",
    "REMOTE_NAME",
    "REMOTE_NEIGHBOUR",
    "REMOTE_USER",
    "azure_environment",
    "machine_environment",
]

ADDRESS = "10.99.0.1"
"""Where the local Azure listens for those who resolve its names themselves: no loopback address, which Docker trusts
unchecked."""
PROXY = f"{ADDRESS}:3128"
"""Where its CONNECT proxy listens inside: the remote host reaches that, too."""
REMOTE_NAME = "remote-host"
REMOTE_USER = "user"
REMOTE_ADDRESS = "10.99.0.2"
"""The remote host's; it is on one network with the sandbox."""
REMOTE_NEIGHBOUR = "10.99.0.254"
"""The sandbox's own on that network, beside ADDRESS."""
NETMASK = "255.255.255.0"

_PASSED_ON = ("TERM", "TZ", "COLORTERM")
"""What describes the person's terminal and clock, and no machine or account."""


def azure_environment(authorities: str) -> dict[str, str]:
    """What leads programs to the local Azure under Azure's names. authorities: PEM file of those to trust.

    In all the names that az and the SDKs (requests), curl, and Docker (Go) read.
    """
    proxy, direct = f"http://{PROXY}", "localhost,127.0.0.1"
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "REQUESTS_CA_BUNDLE": authorities,
        "SSL_CERT_FILE": authorities,
        "CURL_CA_BUNDLE": authorities,
    }


def machine_environment(
    outer: Mapping[str, str], *, path: str, home: str, authorities: str, user: str = "root"
) -> dict[str, str]:
    """The whole environment. outer: labrunner's own, of which only what describes the terminal is taken over.

    authorities: as in `azure_environment`.
    """
    chosen = {name: outer[name] for name in _PASSED_ON if outer.get(name)}
    return {
        "PATH": path,
        "HOME": home,
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        **chosen,
        **azure_environment(authorities),
        "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",  # else `az login` ends in a list that waits for a key
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
    }
