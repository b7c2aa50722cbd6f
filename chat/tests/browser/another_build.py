"""Parley with the browser code of another build, which is in the folder of `PYTHONPATH`.

Processes of tests are forks of one that has read that variable already.
"""

import os
import sys

sys.path.insert(0, os.environ["PYTHONPATH"])

from chatproject.asgi import application

__all__ = ["application"]
