"""Several processes for one large run (torchrun): each takes a part of every step's sequences."""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from .errors import BAD_INPUT, TrainerError


class Team:
    """This process among those that make one run; alone, everything is a no-op."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.size > 1 else 0
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0")) if self.size > 1 else 0

    def join(self, device: torch.device, n_runs: int) -> None:
        if self.size == 1:
            return
        if n_runs != 1:
            raise TrainerError(f"torchrun with {self.size} processes makes one run, not {n_runs}", BAD_INPUT)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", device_id=device if device.type == "cuda" else None
        )

    def leave(self) -> None:
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def share(self, n: int) -> tuple[int, int]:
        """This process' part [lo, hi) of n things, all parts but the last of one size."""
        part = -(-n // self.size)
        return min(n, self.rank * part), min(n, (self.rank + 1) * part)

    def tell(self, message: Any = None) -> Any:
        """What rank 0 says, to all."""
        if self.size == 1:
            return message
        box = [message]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def sum(self, *tensors: Tensor) -> None:
        """In place over processes, in fp32 or double."""
        if self.size > 1:
            for t in tensors:
                dist.all_reduce(t)

    def copy(self, *tensors: Tensor) -> None:
        """Rank 0's values to all."""
        if self.size > 1:
            for t in tensors:
                dist.broadcast(t, src=0)
