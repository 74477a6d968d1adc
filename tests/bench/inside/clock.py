"""clock.py TIMES PROGRAM ARGUMENTS...: print how long each run took, in milliseconds.

Each run gets an empty directory of its own in the place of the argument DIRECTORY.
"""

import subprocess
import sys
import tempfile
import time

for _ in range(int(sys.argv[1])):
    with tempfile.TemporaryDirectory(dir="/run") as directory:
        command = [directory if arg == "DIRECTORY" else arg for arg in sys.argv[2:]]
        begin = time.perf_counter()
        subprocess.run(command, check=True)
        print((time.perf_counter() - begin) * 1e3)
