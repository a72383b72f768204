"""The check of which Docker CLI there is."""

from labrunner.checking.api import Context, Finding, TargetError, check, failed, passed


@check("docker.cli")
def cli(ask: Context, *, below: int) -> Finding:
    """The version of the Docker CLI begins with a smaller number (`below: 29` is any 28, and what is older)."""
    version = ask.run(["docker", "version", "--format", "{{.Client.Version}}"]).stdout.strip()
    first = version.partition(".")[0]
    if not first.isdigit():
        raise TargetError("`docker version` does not say which version it is", ask.remedy)
    if int(first) >= below:
        return failed(f"The Docker CLI is {version}, which is not below {below}.")
    return passed(f"The Docker CLI is {version}.")
