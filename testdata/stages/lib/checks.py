"""For stages in Python: `with check("what"):` prints one line for each check; `finish()` ends the stage."""

import contextlib
import subprocess
import sys
import traceback

_failures = 0


@contextlib.contextmanager
def check(what):
    global _failures
    try:
        yield
    except Exception as error:
        _failures += 1
        print(f"  FAIL  {what}")
        text = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc()
        for line in text.splitlines()[:40]:
            print(f"        {line}")
    else:
        print(f"  ok    {what}")
    sys.stdout.flush()


def emit_everything(out):
    """Runs the function of emit.sh, for stages in Python."""
    script = 'set -o pipefail; source testdata/stages/lib/emit.sh && emit_everything "$1"'
    done = subprocess.run(["bash", "-c", script, "bash", out], text=True, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr


def finish():
    sys.exit(1 if _failures else 0)
