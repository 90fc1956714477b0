"""The last step of a recipe: the losses of a Hugging Face checkpoint on a study's held-out token files, as result.json.

    python hf_losses.py CHECKPOINT RUN_DIR TOKENS_TRAINED

Any causal model that transformers loads. Mean -log p [nats/token] over windows of one context, the last partial one too:
what `autoscale eval` says of the same checkpoint. Reads AUTOSCALE_TOKENIZER (beside which the token files lie),
AUTOSCALE_CONTEXT and AUTOSCALE_VOCAB.
"""
import json, os, sys
from pathlib import Path
import numpy as np
import torch
from transformers import AutoModelForCausalLM

checkpoint, run_dir, tokens = sys.argv[1], Path(sys.argv[2]), int(float(sys.argv[3]))
T, most = int(os.environ["AUTOSCALE_CONTEXT"]), int(os.environ.get("AUTOSCALE_VALID_TOKENS", 0))
width = np.uint16 if int(os.environ["AUTOSCALE_VOCAB"]) < 65500 else np.int32  # Megatron's rule
device = "cuda" if torch.cuda.is_available() else "cpu"
model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
loss = {}
for f in sorted(Path(os.environ["AUTOSCALE_TOKENIZER"]).parent.glob("*.valid.bin")):
    ids = torch.from_numpy(np.fromfile(f, width).astype(np.int64))[: most or None]
    total = 0.0
    with torch.no_grad():
        for at in range(0, len(ids) - 1, T):
            row = ids[at : at + T + 1].to(device)
            logits = model(row[None, :-1]).logits[0].double()
            total += torch.nn.functional.cross_entropy(logits, row[1:], reduction="sum").item()
    loss[f.name[: -len(".valid.bin")]] = total / (len(ids) - 1)
(run_dir / "result.tmp").write_text(json.dumps({"tokens": tokens, "loss": loss}))
(run_dir / "result.tmp").rename(run_dir / "result.json")
