"""Install the clients that the tests try; those for Python only with `--python`."""

import sys

from chat.tests.sdk import PINS, install, install_python

install()
if "--python" in sys.argv:
    for name in PINS:
        install_python(name)
