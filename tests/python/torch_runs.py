"""Small runs on made-up text, a byte a token, made by either engine."""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("AUTOSCALE_COMMAND", str(ROOT / "build" / "autoscale"))
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write_tokens(prefix: Path, ids: bytes) -> None:
    """A Megatron token file of one document; ids below 256."""
    with open(f"{prefix}.bin", "wb") as f:
        f.write(struct.pack(f"<{len(ids)}H", *ids))
    with open(f"{prefix}.idx", "wb") as f:
        f.write(b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 8, 1, 2))
        f.write(struct.pack("<iqqq", len(ids), 0, 0, 1))


def text(name: str, n: int) -> bytes:
    """Made-up prose of some 300 words, the common ones often; the same text every time for one name."""
    draw = random.Random(name)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    words = ["".join(draw.choice(syllables) for _ in range(draw.randint(1, 3))) for _ in range(300)]
    out: list[str] = []
    size = 0
    while size < n:
        word = words[int(len(words) ** draw.random()) - 1] + draw.choice([" "] * 8 + [", ", ".\n"])
        out.append(word)
        size += len(word)
    return "".join(out).encode()[:n]


def write_data(folder: Path) -> None:
    for name, n in (("code.train", 60000), ("code.valid", 1003), ("docs.train", 40000), ("docs.valid", 777)):
        write_tokens(folder / name, text(name, n))
    vocabulary = {**{w: i for i, w in enumerate(SPECIALS)}, **{f"t{i}": i for i in range(5, 256)}}
    model = {"type": "WordPiece", "vocab": vocabulary, "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
    added = [{"id": i, "content": w, "special": True} for i, w in enumerate(SPECIALS)]
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": added, "model": model}))


MODELS: dict[str, dict[str, Any]] = {
    "gpt2": {"arch": "gpt2"},
    "gpt2-untied-mup": {"arch": "gpt2", "tied": False, "mup": True, "mup_base_width": 16},
    "llama": {"arch": "llama"},
    "llama-grouped": {"arch": "llama", "kv_heads": 1, "qkv_bias": True, "tied": False},
    "qwen3": {"arch": "llama", "qk_norm": "head", "head_dim": 24},
    "olmo2": {"arch": "llama", "qk_norm": "full", "norm": "after"},
    "llama3-rope": {"arch": "llama", "rope_scaling": "llama3", "rope_factor": 8, "rope_original": 16},
    "bert": {"arch": "bert"},
    "bert-untied": {"arch": "bert", "tied": False, "mlp": 48},
    "recomputed": {"arch": "gpt2", "recompute": True},
}


def write_run(
    data: Path, name: str, model: str = "gpt2", steps: int = 40, shares: tuple[float, float] = (0.6, 0.4),
    run: dict[str, Any] | None = None, **training: Any,
) -> Path:  # fmt: skip
    """A run of `steps` steps of 8 sequences of 32 tokens."""
    folder = data / name
    folder.mkdir()
    total = steps * 8 * 32 - 100  # the last step is short
    tokens = [int(total * s) for s in shares]
    spec = {
        "id": name,
        "model": {"layers": 2, "heads": 2, "width": 32, "context": 32, "vocab": 256, **MODELS[model]},
        "training": {"batch_tokens": 256, "lr": 3e-3, "micro_batch": 3, **training},
        "domains": [
            {"name": d, "train": str(data / f"{d}.train"), "tokens": n}
            for d, n in zip(("code", "docs"), tokens, strict=True)
        ],
        "targets": [{"name": d, "valid": str(data / f"{d}.valid")} for d in ("code", "docs")],
        "valid_tokens": 700,
        "n_curve": 3,
        "threads": 1,
        "device": "cpu",
        **(run or {}),
    }
    if model.startswith("bert"):
        spec["tokenizer"] = str(data / "tokenizer.json")
    (folder / "run.json").write_text(json.dumps(spec))
    return folder


def train_builtin(*folders: Path) -> None:
    for folder in folders:
        subprocess.run([COMMAND, "train", "--run", str(folder), "--quiet"], check=True, capture_output=True)


def start_torch(*arguments: str | Path) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "OMP_NUM_THREADS": "1", "AUTOSCALE_TRACEBACK": "1"}
    command = [sys.executable, "-m", "autoscale.torch", "--device", "cpu", *map(str, arguments)]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text())


def losses(folder: Path) -> list[float]:
    """The training loss of every step."""
    text = (folder / "metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [line["loss"] for line in lines if "loss" in line]


def start_builtin(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "train", "--run", str(folder), "--quiet"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def interrupt(process: subprocess.Popen[str], folder: Path, step: int) -> None:
    """SIGTERM once this step's line is there; the program writes checkpoints and says 130."""
    for _ in range(6000):
        if (folder / "metrics.jsonl").exists() and len(losses(folder)) >= step:
            break
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[1]
    assert process.returncode == 130, said


def step_of(folder: Path) -> int:
    """Steps made when the checkpoint was written."""
    return json.loads((folder / "checkpoint" / "state.json").read_text())["step"]
