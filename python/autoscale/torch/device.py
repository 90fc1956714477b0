"""The device a program computes on, and what its failures mean."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

import torch

from .errors import BAD_INPUT, DEVICE_LOST, NO_DEVICE, OUT_OF_MEMORY, TrainerError


@dataclass(frozen=True)
class Place:
    """A device, its name for people, and what is used there."""

    device: torch.device
    name: str
    compiled: bool
    graphs: bool

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    def free_bytes(self) -> int:
        """Memory that can be taken now; on a CPU a share of the machine's."""
        if self.is_cuda:
            free, _ = torch.cuda.mem_get_info(self.device)
            held = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return int(free + held)
        return int(0.5 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES"))


def find_place(word: str, compiled: bool | None = None, local_rank: int = 0) -> Place:
    """auto (a card where there is one), cpu, cuda or cuda:N."""
    kind, _, number = word.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and (kind != "cuda" or not number.isdigit())):
        raise TrainerError(f"device '{word}': expected auto, cpu, cuda or cuda:N", BAD_INPUT)
    if kind == "auto" and torch.version.cuda is not None and not torch.cuda.is_available():
        note_no_card()
    if kind == "cpu" or (kind == "auto" and not torch.cuda.is_available()):
        return Place(torch.device("cpu"), "cpu", bool(compiled), False)
    return _card(word, int(number or 0) + local_rank, compiled)


def note_no_card() -> None:
    """Where there is a driver, a card that cannot be used is worth a line."""
    if os.path.exists("/proc/driver/nvidia/version"):
        try:
            torch.cuda.init()
        except (RuntimeError, AssertionError) as e:
            print(f"autoscale.torch: computing on the CPU: {first_line(e)}", file=sys.stderr, flush=True)


def _card(word: str, number: int, compiled: bool | None) -> Place:
    built = f"PyTorch {torch.__version__}"
    if torch.version.cuda is None:
        raise TrainerError(f"device '{word}': {built} was built without CUDA", NO_DEVICE)
    try:
        torch.cuda.init()
        count = torch.cuda.device_count()
    except (RuntimeError, AssertionError) as e:  # no driver, one too old for this PyTorch, a card that does not answer
        raise TrainerError(
            f"device '{word}': {first_line(e)} ({built}, CUDA {torch.version.cuda})", NO_DEVICE
        ) from None
    if count == 0:
        raise TrainerError(f"device '{word}': no CUDA card found ({built})", NO_DEVICE)
    if number >= count:
        raise TrainerError(f"device '{word}': this machine has {count} card{'s' * (count > 1)}", NO_DEVICE)
    device = torch.device("cuda", number)
    try:
        torch.cuda.set_device(device)
        torch.zeros(1, device=device)
    except RuntimeError as e:
        raise TrainerError(f"device '{word}': {first_line(e)}", NO_DEVICE) from None
    use = compiled if compiled is not None else os.environ.get("AUTOSCALE_TORCH_COMPILE", "1") != "0"
    return Place(device, torch.cuda.get_device_name(device), use and _can_compile(device), True)


def _can_compile(device: torch.device) -> bool:
    """torch.compile needs Triton and a card it knows."""
    try:
        import triton  # noqa: F401
    except ImportError:
        return False
    return torch.cuda.get_device_capability(device) >= (7, 0)


def is_out_of_memory(e: BaseException) -> bool:
    return isinstance(e, (torch.OutOfMemoryError, MemoryError)) or "out of memory" in str(e).lower()


def first_line(e: BaseException) -> str:
    text = str(e).strip() or type(e).__name__
    return text.splitlines()[0][:300]


def as_trainer_error(e: BaseException, place: Place) -> TrainerError:
    """What an exception of PyTorch means for the program."""
    if isinstance(e, TrainerError):
        return e
    if is_out_of_memory(e):
        return TrainerError(f"{place.name}: out of memory with one run of one sequence at a time", OUT_OF_MEMORY)
    text = first_line(e)
    lost = type(e).__name__ == "AcceleratorError" or any(w in text for w in ("CUDA", "cuda", "NCCL", "cuBLAS", "cuDNN"))
    return TrainerError(f"{place.name}: {text}", DEVICE_LOST if place.is_cuda and lost else 1)


def set_exact() -> None:
    """fp32 means fp32: no TF32, no reduced sums."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
