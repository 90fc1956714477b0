"""llm-foundry for a study: a GPT-2 of the study's shape on MDS copies of its token files, the losses of all targets after.

    trainer:
      command: "python examples/trainers/llm_foundry_study.py"
      env: {LLM_FOUNDRY: /opt/llm-foundry}
      heartbeat: 3600

The mixture goes in as `autoscale export --to mosaicml` writes it; the copies are made once, beside the token files. The
Hugging Face checkpoint of the last step is measured by hf_losses.py. Keys were checked against llm-foundry's TrainConfig
and loaders, MDS files written and read back by streaming; no GPU was available to train.
"""
import json, os, subprocess, sys
from pathlib import Path
import numpy as np
import yaml

env, here = os.environ, Path(__file__).resolve().parent
run_dir, tokenizer = Path(env["AUTOSCALE_RUN_DIR"]), Path(env["AUTOSCALE_TOKENIZER"])
L, H, C, T, V = (int(env["AUTOSCALE_" + k]) for k in ("LAYERS", "HEADS", "WIDTH", "CONTEXT", "VOCAB"))
batch = max(1, int(env["AUTOSCALE_BATCH_TOKENS"]) // T)


def mds(prefix):
    """PREFIX.mds-T: windows of T tokens."""
    from streaming import MDSWriter

    out = Path(f"{prefix}.mds-{T}")
    if not (out / "index.json").exists():  # written last
        ids = np.fromfile(f"{prefix}.bin", np.uint16 if V < 65500 else np.int32)
        with MDSWriter(out=str(out), columns={"tokens": "ndarray:int32"}, exist_ok=True) as writer:
            for at in range(0, len(ids) // T * T, T):
                writer.write({"tokens": ids[at : at + T].astype(np.int32)})
    return str(out)


def config():
    words = [env.get("AUTOSCALE", "autoscale"), "export", env["AUTOSCALE_MIXTURE"], "--to", "mosaicml", "--context", str(T)]
    c = yaml.safe_load(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    for stream in c["train_loader"]["dataset"]["streams"].values():
        stream["local"] = mds(stream["local"])
    c["train_loader"]["dataset"]["shuffle_seed"] = int(env["AUTOSCALE_SEED"])
    # A folder that transformers takes for a model without weights and its tokenizer.
    folder = run_dir / "model"
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": V,
        "n_positions": T, "n_embd": C, "n_layer": L, "n_head": H, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}))
    steps = sum(s["choose"] for s in c["train_loader"]["dataset"]["streams"].values()) // batch
    return c | {
        "model": {"name": "hf_causal_lm", "pretrained_model_name_or_path": str(folder), "pretrained": False},
        "tokenizer": {"name": str(folder), "kwargs": {"model_max_length": T}},
        "optimizer": {"name": "decoupled_adamw", "lr": float(env["AUTOSCALE_LR"]), "betas": [0.9, 0.95], "weight_decay": 0.0},
        "scheduler": {"name": "cosine_with_warmup", "t_warmup": f"{int(steps * float(env['AUTOSCALE_WARMUP']))}ba", "alpha_f": 0.1},
        "algorithms": {"gradient_clipping": {"clipping_type": "norm", "clipping_threshold": 1.0}},
        "global_train_batch_size": batch, "device_eval_batch_size": 1, "device_train_microbatch_size": "auto",
        "seed": int(env["AUTOSCALE_SEED"]), "precision": "amp_bf16", "progress_bar": False, "run_name": env["AUTOSCALE_RUN"],
        "save_folder": str(run_dir / "composer"), "save_interval": "1000ba", "autoresume": True,
        "callbacks": {"hf_checkpointer": {"save_folder": str(run_dir / "hf"), "save_interval": "1ep", "precision": "float32"}},
    }


if __name__ == "__main__":
    c = config()
    (run_dir / "foundry.yaml").write_text(yaml.safe_dump(c, sort_keys=False))
    subprocess.run(["composer", Path(env["LLM_FOUNDRY"]) / "scripts/train/train.py", run_dir / "foundry.yaml"], check=True)
    last = max((run_dir / "hf/huggingface").iterdir(), key=lambda p: int(p.name[2:]))
    subprocess.run([sys.executable, here / "hf_losses.py", last, run_dir, str(int(last.name[2:]) * batch * T)], check=True)
