import pytest

from labrunner.sandbox.environment import machine_environment

FOREIGN = {
    "DOCKER_HOST": "tcp://127.0.0.1:1",
    "DOCKER_CONTEXT": "other",
    "AZURE_CONFIG_DIR": "/other",
    "ARM_CLIENT_SECRET": "secret",
    "HTTPS_PROXY": "http://other",
    "https_proxy": "http://other",
    "SSH_AUTH_SOCK": "/other",
    "KUBECONFIG": "/other",
    "PYTHONPATH": "/other",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LD_PRELOAD": "/other",
    "LC_ALL": "de_DE",
    "PATH": "/other",
    "HOME": "/other",
}


def test_nothing_foreign_gets_in():
    made = machine_environment({**FOREIGN, "TERM": "vt100"}, path="/tools:/bin", home="/h", authorities="/ca.pem")
    assert made == {
        "PATH": "/tools:/bin",
        "HOME": "/h",
        "USER": "root",
        "LOGNAME": "root",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "vt100",
        "HTTPS_PROXY": "http://10.99.0.1:3128",
        "https_proxy": "http://10.99.0.1:3128",
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
        "REQUESTS_CA_BUNDLE": "/ca.pem",
        "SSL_CERT_FILE": "/ca.pem",
        "CURL_CA_BUNDLE": "/ca.pem",
        "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
    }


@pytest.mark.parametrize("outer", [{}, {"TERM": ""}])
def test_a_terminal_is_always_named(outer):
    assert machine_environment(outer, path="/bin", home="/h", authorities="/ca.pem")["TERM"] == "xterm-256color"


def test_the_clock_of_the_person_is_kept():
    made = machine_environment({"TZ": "Europe/Sofia"}, path="/bin", home="/h", authorities="/ca.pem")
    assert made["TZ"] == "Europe/Sofia"
