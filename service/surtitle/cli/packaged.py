"""What the packaged program runs first: the app itself, a command of the command line, or a module for a worker."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys

from surtitle.core.processes import RUN_MODULE


def main() -> None:
    multiprocessing.freeze_support()
    _open_standard_streams()
    _restore_library_path()
    _trust_system_certificates()
    if sys.argv[1:2] == [RUN_MODULE]:
        module = sys.argv[2]
        sys.argv = [module, *sys.argv[3:]]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return
    from surtitle.cli.main import main as run_command

    run_command(sys.argv[1:] or ["app"], prog_name="surtitle")


def _open_standard_streams() -> None:
    """Give a program without a console streams that go nowhere: libraries and workers write to them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _restore_library_path() -> None:
    """Let programs that this one starts, such as a browser, load the system's libraries and not the bundled ones.

    A process of this executable, such as a worker, is then told to find the bundled ones by itself.
    """
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        before = os.environ.pop(f"{name}_ORIG", None)
        if before is not None:
            os.environ[name] = before
        else:
            os.environ.pop(name, None)
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"


def _trust_system_certificates() -> None:
    """Verify servers by the system's certificates: those of the bundled OpenSSL's folder are another system's."""
    import truststore

    truststore.inject_into_ssl()
