"""Answers the requests of one client, one check after the other. Knows neither pipes nor processes."""

import json
from collections.abc import Callable
from typing import Any

from labrunner.checking.context import AskingContext, Runner
from labrunner.checking.polling import Clock, ask_check
from labrunner.checking.registry import Registry
from labrunner.checking.wire import as_line, read_check, read_config, result_record

__all__ = ["serve"]


def serve(receive: Callable[[], bytes], send: Callable[[bytes], None], *, clock: Clock, runner: Runner) -> None:
    """Answer requests until `receive` gives an empty line (the end)."""
    folders, about = read_config(receive())
    registry = Registry(folders)
    context = AskingContext(about, runner=runner)
    send(as_line({"ready": True}))
    try:
        while line := receive():
            request = json.loads(line)
            if "load" in request:
                registry.load(request["load"])
                continue
            for number, record in enumerate(request["checks"]):
                place = {"ask": request["ask"], "number": number}

                def waiting(message: str, place: dict[str, Any] = place) -> None:
                    send(as_line({**place, "wait": message}))

                result = ask_check(
                    read_check(record),
                    registry=registry,
                    context=context,
                    clock=clock,
                    once=request["once"],
                    on_wait=waiting,
                )
                send(as_line({**place, "result": result_record(result)}))
    finally:
        context.close()
