#!/bin/sh
# A sample of what `make soak` does in full: calls of a whole study made to fail (scripts/fault-study).
set -eu
[ -d /dev/shm ] && [ -w /dev/shm ] && export TMPDIR=/dev/shm
# Under the sanitizers a study takes several times as long.
exec sh scripts/fault-study "$1" $([ -n "${ASC_SMALL:-}" ] && echo 2000 || echo 400)
