"""One worker process of several: ``python -m service.worker``, started by the supervisor in ``service.serve``."""

import sys

from service.serve import worker_main

if __name__ == "__main__":
    sys.exit(worker_main())
