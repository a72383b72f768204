"""Small steps, and what they are checked for."""

from labrunner.model import Check, Command, Step


def step(*commands: str | Command, name: str = "s", **more) -> Step:
    made = tuple(command if isinstance(command, Command) else Command(run=command) for command in commands)
    return Step(id=name, title=name, text="", commands=made, **more)


def there(path: str, **more) -> Check:
    """Asked once, if nothing else is given."""
    return Check(kind="file.exists", args={"path": path}, **{"within": 0.0, **more})
