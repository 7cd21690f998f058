"""The verbs, and how a workflow function becomes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

import condyle
from condyle.errors import CondyleError


def make_app(verb: str | None) -> typer.Typer:
    """The command line with the one verb that is asked for; the others stand in the list of help only.

    Reading a verb's options means importing its function and all that it imports. With one verb at a
    time the list of help comes at once.
    """
    app = typer.Typer(
        name="condyle",
        help="From a scan to bone masks, numbers and meshes one can defend.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_global_options)
    for name, summary in condyle.VERBS.items():
        app.command(name, short_help=summary)(_command(name) if name == verb else _listed)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(condyle.__version__)
        raise typer.Exit


def _global_options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    progress_json: Annotated[
        bool, typer.Option("--progress-json", help="Tell progress as lines of JSON on standard error.")
    ] = False,
) -> None:
    from condyle.cli.console import track, track_json

    del version
    context.obj = track_json if progress_json else track


def _listed() -> None:
    """Stands for a verb in the list of help."""


def _command(verb: str) -> Callable[..., None]:
    """A function Typer can call, with the knobs of the verb's workflow function and `--json`."""
    from condyle.cli.console import print_error, print_result
    from condyle.cli.options import gather, knobs_of, parameter_of

    function = condyle.verb(verb)
    knobs = knobs_of(function)

    def run(context: typer.Context, **values: Any) -> None:
        as_json = values.pop("json")
        try:
            arguments = gather(knobs, function, values)
            if "track" in inspect.signature(function).parameters:
                arguments["track"] = context.obj
            result = function(**arguments)
        except CondyleError as error:
            print_error(str(error))
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            print_error("stopped; what was finished is kept, the same command goes on from there")
            raise typer.Exit(130) from None
        print_result(result, as_json=as_json)
        raise typer.Exit(getattr(result, "exit_code", 0))

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *(parameter_of(knob) for knob in knobs)]
    json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
    parameters.append(inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=json))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # as functools.wraps does
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__doc__ = (inspect.getdoc(function) or "").partition("\nArgs:")[0].strip()
    return run
