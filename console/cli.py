"""The command ``sre-console``. Imports nothing heavy before it knows what is asked."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from themes import NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from console.log import Log
    from services.vocabulary.errors import ConsoleError

_DESCRIPTION = """\
A full-screen console for the person on call: alerts, incidents, deployments and on-call from the systems you
already run, acted on with slash commands behind one circuit breaker.

Without a command it opens the console on your configuration."""

_EPILOG = """\
files and environment:
  The configuration is read from --config, else $SRE_CONSOLE_CONFIG, else sre-console/config.toml in the XDG
  configuration directory. SRE_CONSOLE_… variables lie on top: SRE_CONSOLE_SRE__PROMETHEUS__URL=http://…
  `sre-console config path` says which file that is, `config check` what is wrong with it.

examples:
  sre-console --demo                                   try it on a simulated production
  sre-console exec "/alerts list severity=critical"    one command, without the screen
  sre-console exec --json "/oncall who" | jq .data
  sre-console doctor                                   are all sources there?"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; by default those of the process.

    Returns:
        The exit code: 0 done, 1 failed or denied, 2 wrong usage, command or configuration, 130 interrupted.
    """
    try:
        code = _run(_parser().parse_args(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, a pager) has gone. Nothing must be written at exit any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def program_version() -> str:
    """The version of the installed package."""
    from importlib.metadata import PackageNotFoundError, version  # costs more than all the rest of this module

    try:
        return version("sre-console")
    except PackageNotFoundError:
        return "unknown"


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.exit(message=f"sre-console {program_version()}\n")


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="the configuration to read (TOML)")
    demo = argparse.ArgumentParser(add_help=False)
    demo.add_argument(
        "--demo", action="store_true", default=argparse.SUPPRESS, help="use a simulated production on this machine"
    )
    logged = argparse.ArgumentParser(add_help=False)
    logged.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default=argparse.SUPPRESS,
        help="how much goes to the log file; default: [sre.log], else info",
    )
    parser = argparse.ArgumentParser(
        prog="sre-console",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common, demo, logged],
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and leave")
    parser.add_argument("--wallboard", action="store_true", help="start as a read-only wallboard")
    parser.add_argument("--theme", choices=NAMES, help="the theme of this start")
    parser.add_argument(
        "--or-demo", action="store_true", help="like --demo where there is no configuration at all, else nothing"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    run = commands.add_parser(
        "exec",
        parents=[common, demo, logged],
        help="run one slash command without the screen",
        description="Run one slash command without the screen. Exit code: 0 done, 1 failed or denied, "
        '2 not a valid command. `exec "/help"` lists the commands.',
    )
    run.add_argument("line", metavar="LINE", help='the command, in quotes: "/alerts list"')
    run.add_argument("--json", action="store_true", help='print {"ok", "command", "data", "message"}')
    run.add_argument("--yes", action="store_true", help="agree to what the command would ask")
    run.add_argument("--confirm", metavar="WORD", default="", help="the word that a destructive command has typed")
    run.add_argument(
        "--automation", action="store_true", help="a script asks, not a person: the trust in automation decides"
    )
    run.add_argument(
        "--break-glass",
        action="store_true",
        help="write although the store is lost: needs --reason, and --confirm with the target; kept on this machine "
        "until the store is back",
    )
    run.add_argument("--reason", metavar="WHY", default="", help="why the glass is broken")
    config = commands.add_parser(
        "config", parents=[common], help="check, show or find the configuration", description="The configuration."
    )
    config.add_argument(
        "action",
        choices=("check", "show", "path"),
        help="check: tell all that is wrong; show: every value and where it comes from, secrets as their names; "
        "path: the file that is read, and below it that of the log",
    )
    gateway = commands.add_parser(
        "gateway",
        parents=[common, demo, logged],
        help="serve status and circuit over HTTP, without the screen",
        description="Serve status, trust, circuit and metrics over HTTP until interrupted, at the address of "
        "[gateway], for programs that hold a token. A console serves them itself where [gateway] enabled = true.",
    )
    gateway.add_argument("--read-only", action="store_true", help="move nothing, and open the store read-only")
    token = commands.add_parser("token", help="make, list and revoke the gateway's tokens", description="Tokens.")
    tokens = token.add_subparsers(dest="action", metavar="ACTION", required=True)
    make = tokens.add_parser("create", parents=[common, logged], help="make a token and print it, this once")
    make.add_argument("--name", default="", help="who will act through it, as the audit tells it")
    make.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=("read", "circuit:write"),
        help="what it may do; can be given twice",
    )
    make.add_argument("--expires", metavar="DURATION", help="for how long it is worth something, such as 90d")
    tokens.add_parser("list", parents=[common, logged], help="every token that was made, without the secrets")
    revoke = tokens.add_parser("revoke", parents=[common, logged], help="make a token worth nothing, at once")
    revoke.add_argument("number", type=int, metavar="TOKEN", help="its number in the list")
    doctor = commands.add_parser(
        "doctor",
        parents=[common, demo, logged],
        help="ask every source whether it answers",
        description="Ask every source whether it answers, how fast, which version it is and how its clock stands; "
        "look at the modes of files, at secrets, at encryption and at the installed packages. Exit code 1 if "
        "anything fails; warnings alone exit 0.",
    )
    doctor.set_defaults(command="doctor")
    store = commands.add_parser(
        "store",
        parents=[common],
        help="say how the store stands, or start a new one where it is lost",
        description="The console's own records. A store that was there before is never made anew by itself.",
    )
    store.add_argument(
        "action",
        choices=("status", "init"),
        help="status: whether it can be read, what was last known of it here, and what waits to be taken into its "
        "audit; init: make it where there is none, or go on with an older copy; breakers that a person had opened "
        "stay open",
    )
    store.add_argument("--reason", metavar="WHY", default="", help="why a new or an older store may be used")
    return parser


def _run(options: argparse.Namespace) -> int:
    config, demo = getattr(options, "config", None), getattr(options, "demo", False)
    if options.command == "config":
        return _config(options.action, config)
    from console.configuration.paths import log_path
    from console.log import Log

    with Log(log_path(), getattr(options, "log_level", None)) as log:
        try:
            return _logged(options, config, demo, log)
        except BrokenPipeError:
            raise
        except Exception as error:
            return log.crashed(error)


def _logged(options: argparse.Namespace, config: str | None, demo: bool, log: Log) -> int:
    if options.command == "exec":
        from console.execute import execute

        if options.break_glass != bool(options.reason.strip()):
            return complain("--break-glass needs --reason, and --reason --break-glass", code=2)
        return execute(
            options.line,
            config=config,
            demo=demo,
            as_json=options.json,
            yes=options.yes,
            automation=options.automation,
            confirm=options.confirm,
            break_glass=options.reason.strip() if options.break_glass else "",
            log=log,
        )
    if options.command == "store":
        from console.store_command import init, status

        return init(options.reason, config=config, log=log) if options.action == "init" else status(config, log=log)
    if options.command == "gateway":
        from console.gateway_headless import serve

        return serve(config=config, demo=demo, read_only=options.read_only, log=log)
    if options.command == "token":
        return _token(options, config, log)
    if options.command == "doctor":
        from console.doctor import examine

        return examine(config=config, demo=demo, log=log)
    return _interactive(options, config, demo, log)


def _token(options: argparse.Namespace, config: str | None, log: Log) -> int:
    from console import token_command

    if options.action == "create":
        return token_command.create(options.name, options.scope, options.expires, config=config, log=log)
    if options.action == "revoke":
        return token_command.revoke(options.number, config=config, log=log)
    return token_command.show(config=config, log=log)


def _interactive(options: argparse.Namespace, config: str | None, demo: bool, log: Log) -> int:
    from console.peek import take_peek

    peek = take_peek(
        config=config, demo=demo, or_demo=options.or_demo, wallboard=options.wallboard, theme=options.theme
    )
    if not peek.sound and (code := _check(peek.config)):
        return code
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        return complain(
            "the console needs a terminal", 'run one command without it: sre-console exec "/alerts list"', code=2
        )
    # To look for plugins, pydantic would read what every installed package says of itself.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    # All that is imported from here on stays: until the console is connected, there is nothing to collect.
    gc.disable()
    from console.app import run

    return run(peek, log)


def _config(action: str, named: str | None) -> int:
    from console.configuration import paths

    file = paths.named_config(named)
    if action == "path":
        say([str(file or paths.config_path()), f"log: {paths.log_path()}"])
        return 0
    if action == "check":
        return _check(file, told=True)
    from console.configuration.loading import load
    from console.configuration.showing import lines, values
    from services.vocabulary.errors import ConsoleError as Failure

    try:
        loaded = load(file, secrets=False)
    except Failure as error:
        return refuse(error)
    say([f"# {loaded.file or 'the environment alone'}"])
    say(lines(values(loaded), whole=not sys.stdout.isatty()))
    return 0


def _check(file: Path | None, *, told: bool = False) -> int:
    from console.configuration.loading import load
    from services.vocabulary.errors import ConsoleError as Failure

    try:
        loaded = load(file)
    except Failure as error:
        return refuse(error)
    if told:
        from services.vocabulary.text import display

        sre = loaded.settings.sre
        if loaded.unreadable:
            count = len(loaded.unreadable)
            said = f"{count} {'problem' if count == 1 else 'problems'} in the policies"
            complain_lines(
                [
                    f"{loaded.file or 'the environment'}: {said}",
                    *(f"  {problem}" for problem in loaded.unreadable),
                    "hint: the console starts all the same; until then they block every write that they may cover",
                ]
            )
            return 2
        lines = [
            f"{loaded.file or 'the environment'}: sound",
            f"  alertmanager: {', '.join(one.name for one in sre.alertmanager) or 'none, so there are no alerts'}",
            f"  kubernetes: {', '.join(one.context for one in sre.kubernetes) or 'none, so no deployments'}",
            f"  prometheus: {sre.prometheus.url if sre.prometheus else 'none, so there are no plots'}",
            f"  on-call: {', '.join(one.name for one in sre.oncall.rotation) or 'no rotation'}",
            f"  policies: {', '.join(one.name for one in sre.policies) or 'none'}",
        ]
        say([display(line) for line in lines])
    return 0


def refuse(error: ConsoleError) -> int:
    """Tell on stderr what is wrong with the configuration. Returns the exit code 2."""
    from console.configuration.problems import ConfigurationError

    if isinstance(error, ConfigurationError):
        complain_lines(error.lines())
        return 2
    return complain(error.message, error.hint, code=2)


def say(lines: Sequence[str]) -> None:
    """Print lines on stdout."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def complain(message: str, hint: str = "", *, code: int) -> int:
    """Print a message on stderr. Returns ``code``."""
    complain_lines([f"sre-console: {message}", *([hint] if hint else [])])
    return code


def complain_lines(lines: Sequence[str]) -> None:
    """Print lines on stderr."""
    sys.stdout.flush()
    sys.stderr.write("".join(f"{line}\n" for line in lines))
