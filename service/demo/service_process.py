"""``keyledger serve`` as a child of the demonstration, with which it ends."""

import signal
import sys

from service.lifeline import end_with_parent
from service.serve import main

if __name__ == "__main__":
    end_with_parent(signal.SIGTERM, int(sys.argv[1]))
    sys.exit(main())
