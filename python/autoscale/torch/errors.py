"""What can go wrong, and the exit code that says so."""

from __future__ import annotations

OK = 0
FAILED = 1
BAD_INPUT = 2
NO_DEVICE = 69  # no card, a driver too old, no PyTorch: of no use to try again here
DEVICE_LOST = 74  # the card fell away, or CUDA failed: to be tried again
OUT_OF_MEMORY = 75  # with one lane still: to be tried with a larger card or a smaller micro_batch
INTERRUPTED = 130


class TrainerError(Exception):
    """One line for people, and the exit code of the program."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
