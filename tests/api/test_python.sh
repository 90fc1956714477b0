#!/bin/sh
# The Python package, where numpy and pytest are at hand.
exec scripts/check-python --no-install "$(dirname "$1")"
