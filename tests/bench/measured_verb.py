"""Runs one verb of ``keyledger`` as its own process, and says on the last line of standard output what it took."""

import json
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    started = time.perf_counter()
    sys.path[0] = str(Path(__file__).parents[1])
    from bench.machine import peak_memory_mib

    from service.cli import main

    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    seconds = time.perf_counter() - started
    print(json.dumps({"code": code or 0, "seconds": seconds, "peak_mib": peak_memory_mib()}))
