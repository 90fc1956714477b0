"""Several processes for one large run (ranks.py, srun or torchrun): each takes a part of every step's sequences."""

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
        srun = os.environ.get("AUTOSCALE_RANKS") == "srun"
        names = ("SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID") if srun else ("WORLD_SIZE", "RANK", "LOCAL_RANK")
        self.size = int(os.environ.get(names[0], "1"))
        self.rank, self.local_rank = (int(os.environ.get(n, "0")) if self.size > 1 else 0 for n in names[1:])
        if srun and self.size > 1:  # where they meet: the job's first node, from which srun was called
            os.environ.setdefault("MASTER_ADDR", os.environ.get("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1"))
            job = int(os.environ.get("SLURM_JOB_ID", "0")) + 7 * int(os.environ.get("SLURM_STEP_ID", "0"))
            os.environ.setdefault("MASTER_PORT", str(20000 + job % 20000))

    def join(self, device: torch.device, n_runs: int) -> None:
        if self.size == 1:
            return
        if n_runs != 1:
            raise TrainerError(f"{self.size} processes together make one run, not {n_runs}", BAD_INPUT)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", device_id=device if device.type == "cuda" else None,
            init_method=os.environ.get("AUTOSCALE_RENDEZVOUS", "env://"), rank=self.rank, world_size=self.size,
        )  # fmt: skip

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
