# The PyTorch trainer against the built-in one, where PyTorch and pytest are to be had.
set -eu
: "${PYTHON:=python3}"
if ! "$PYTHON" -c 'import numpy, pytest, torch' 2>/dev/null; then
    echo "skipped: $PYTHON lacks numpy, pytest or torch (PYTHON names another one)"
    exit 77
fi
AUTOSCALE_COMMAND=$1
AUTOSCALE_LIBRARY=$(dirname "$1")/libautoscale.so
if [ ! -e "$AUTOSCALE_LIBRARY" ]; then
    echo "skipped: this build makes no shared library"
    exit 77
fi
export AUTOSCALE_COMMAND AUTOSCALE_LIBRARY PYTHONDONTWRITEBYTECODE=1
exec "$PYTHON" -m pytest -q -p no:cacheprovider tests/python -k torch
