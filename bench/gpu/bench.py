"""Measures autoscale.torch on a card: parity, large single runs, proxies stacked against one after another.

    python3 bench/gpu/bench.py [parity] [stacks] [single] [--out FILE] [--seconds S]

Needs libautoscale.so (AUTOSCALE_LIBRARY) and the package on PYTHONPATH. Models see random tokens: speed does not depend
on them. docs/results/gpu.md says what was found.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests" / "python")]

import numpy as np  # noqa: E402
import plain  # noqa: E402
import torch  # noqa: E402
from autoscale.torch import device, loop, measure  # noqa: E402
from torch_runs import write_tokens  # noqa: E402

# Dense bf16 by the vendor's datasheet; a figure to divide by, not one that a product reaches.
PEAK_BF16 = 989e12

SINGLE = {
    "gpt2-124M": {"layers": 12, "heads": 12, "width": 768, "context": 1024, "vocab": 50257},
    "gpt2-774M": {"layers": 36, "heads": 20, "width": 1280, "context": 1024, "vocab": 50257},
}
PROXIES = {
    "1.3M": {"layers": 4, "heads": 2, "width": 128, "context": 256, "vocab": 4096},
    "7M": {"layers": 8, "heads": 4, "width": 256, "context": 256, "vocab": 4096},
    "20M": {"layers": 10, "heads": 6, "width": 384, "context": 256, "vocab": 4096},
}


def write_run(folder: Path, model: dict[str, Any], batch_tokens: int, dtype: str) -> str:
    """A run of random tokens."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    n = 8 * model["context"] + 1
    write_tokens(folder / "text", bytes(rng.integers(0, 256, n, dtype=np.uint8)))
    spec = {
        "id": folder.name,
        "model": {"arch": "gpt2", **model},
        "training": {"batch_tokens": batch_tokens, "lr": 1e-3, "dtype": dtype},
        "domains": [{"name": "text", "train": str(folder / "text"), "tokens": 1000 * batch_tokens}],
        "targets": [{"name": "text", "valid": str(folder / "text")}],
    }
    (folder / "run.json").write_text(json.dumps(spec))
    return str(folder)


def flops_per_token(model: dict[str, Any], params: int) -> float:
    """6 N + 12 L C T, as MFU is counted since PaLM (attention in full, not its causal half)."""
    return 6.0 * params + 12.0 * model["layers"] * model["width"] * model["context"]


def timed(folder: str, lanes: int, place: device.Place, seconds: float) -> dict[str, Any]:
    begun = time.monotonic()
    found = measure.measure([folder] * lanes, loop.Options(place), seconds)
    torch.cuda.empty_cache() if place.is_cuda else None
    return {**found, "whole_s": time.monotonic() - begun}


def single(place: device.Place, work: Path, seconds: float) -> list[dict[str, Any]]:
    rows = []
    for name, model in SINGLE.items():
        folder = write_run(work / name, model, 512 * 1024, "bf16")
        r = timed(folder, 1, place, seconds)
        r["mfu"] = r["tokens_per_s"] * flops_per_token(model, r["params"]) / PEAK_BF16
        rows.append({"model": name, **r})
        print(f"{name}: {r['tokens_per_s']:.0f} tokens/s, MFU {r['mfu']:.3f}, {r['memory_bytes'] / 2**30:.1f} GiB, "
              f"micro-batch {r['micro_batch']}, ready after {r['start_s']:.0f} s", flush=True)  # fmt: skip
    return rows


def stacks(
    place: device.Place, work: Path, seconds: float, lanes: int, batches: list[int], with_plain: bool
) -> list[dict[str, Any]]:
    """Tokens a second: proxies stacked; one after another with the same code; and as they are usually trained."""
    rows = []
    for name, model in PROXIES.items():
        for batch in batches:
            folder = write_run(work / f"{name}-{batch}", model, batch, "bf16")
            row: dict[str, Any] = {"model": name, "batch_tokens": batch}
            if with_plain:
                row["plain PyTorch"] = plain.tokens_per_s(model, batch, False, seconds)
                row["compiled"] = plain.tokens_per_s(model, batch, True, seconds)
            row["alone"] = timed(folder, 1, place, seconds)
            row["stacked"] = timed(folder, lanes, place, seconds)
            rows.append(row)
            fast = row["stacked"]["tokens_per_s"]
            others = {k: row[k] for k in ("plain PyTorch", "compiled") if k in row}
            others["alone"] = row["alone"]["tokens_per_s"]
            against = ", ".join(f"{k} {v:.3g} ({fast / v:.1f} x)" for k, v in others.items())
            print(f"{name}, {batch} tokens a step: {row['stacked']['lanes']} stacked {fast:.3g} tokens/s; one after "
                  f"another: {against}; ready after {row['stacked']['start_s']:.0f} s", flush=True)  # fmt: skip
    return rows


def parity(place: device.Place, folders: list[Path]) -> list[dict[str, Any]]:
    """Runs whose folders hold what the built-in engine found in fp32 (builtin.json: loss of every step, final losses,
    those of other seeds), made here. All go to one program: shapes are made one after another."""
    command = [sys.executable, "-m", "autoscale.torch", "--quiet", "--device", str(place.device), *map(str, folders)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        print(f"exit {done.returncode}: {done.stderr[-2000:]}", flush=True)
    rows = []
    for folder in folders:
        if not (folder / "result.json").exists():
            continue
        told = json.loads((folder / "builtin.json").read_text())
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        here = [line["loss"] for line in lines if "loss" in line]
        final = json.loads((folder / "result.json").read_text())["loss"]
        seeds = {k: [s[k] for s in told["seeds"]] for k in final}
        row = {
            "run": folder.name,
            "steps": len(here),
            "largest_step": max(abs(a - b) for a, b in zip(here, told["steps"], strict=True)),
            "largest_final": max(abs(final[k] - told["loss"][k]) for k in final),
            "seeds": max(max(v) - min(v) for v in seeds.values()),
        }
        rows.append(row)
        print(f"{row['run']}: {row['steps']} steps, largest difference {row['largest_step']:.1e} nats, final losses "
              f"{row['largest_final']:.1e}; seeds differ by {row['seeds']:.1e}", flush=True)  # fmt: skip
    return rows


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("parts", nargs="*", default=["parity", "stacks", "single"])
    p.add_argument("--out", default="gpu.json")
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--no-plain", action="store_true", help="leave plain PyTorch out")
    p.add_argument("--lanes", type=int, default=15)
    p.add_argument("--batches", default="16384")
    p.add_argument("--parity", default="", help="folder of runs with builtin.json")
    p.add_argument("--only", default="", help="names of models, with commas between; default: all")
    p.add_argument("--device", default="cuda")
    a = p.parse_args()
    for models in (SINGLE, PROXIES):
        for name in [n for n in models if a.only and n not in a.only.split(",")]:
            del models[name]
    warnings.filterwarnings("ignore", message="grad and param do not obey")
    place = device.find_place(a.device)
    device.set_exact()
    print(f"{place.name}, PyTorch {torch.__version__}", flush=True)
    found: dict[str, Any] = {"device": place.name, "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as work:
        for part in a.parts:
            begun = time.monotonic()
            if part == "parity":
                folders = sorted(f.parent for f in Path(a.parity).glob("*/builtin.json"))
                found[part] = parity(place, folders)
            elif part == "stacks":
                found[part] = stacks(place, Path(work), a.seconds, a.lanes, [int(b) for b in a.batches.split(",")],
                                     not a.no_plain)  # fmt: skip
            elif part == "single":
                found[part] = single(place, Path(work), a.seconds)
            print(f"({part}: {time.monotonic() - begun:.0f} s)", flush=True)
            Path(a.out).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
