"""torchtitan (2026, grain data pipeline) for a study: a Llama of the study's shape, the losses of all targets afterwards.

    trainer:
      command: "python examples/trainers/torchtitan_study.py"
      env: {GPUS: 8}
      heartbeat: 3600

It exports the mixture, starts torchtitan's own trainer on the config function below, and measures the Hugging Face
checkpoint of its last step (hf_losses.py). Built and given to torchtitan's classes and parser; no GPU was available to train.
"""
import dataclasses, json, os, subprocess, sys
from pathlib import Path

env, here = os.environ, Path(__file__).resolve().parent
run_dir = Path(env["AUTOSCALE_RUN_DIR"])
L, H, C, T, V = (int(env["AUTOSCALE_" + k]) for k in ("LAYERS", "HEADS", "WIDTH", "CONTEXT", "VOCAB"))
steps = max(1, int(float(env["AUTOSCALE_TOKENS"])) // int(env["AUTOSCALE_BATCH_TOKENS"]))
hidden = (8 * C // 3 + 63) // 64 * 64


def study():
    """What `torchtitan.train --module torchtitan_study --config study` trains."""
    import exported_mixture  # of `autoscale export --to torchtitan`
    import torchtitan.models.llama3 as llama3
    from torchtitan.components.checkpointer import CheckpointManager
    from torchtitan.components.loss import CrossEntropyLoss
    from torchtitan.components.optimizer import LRSchedulersContainer, default_adamw
    from torchtitan.config import TrainingConfig
    from torchtitan.models.common import ComplexRoPE, Embedding, Linear, RMSNorm
    from torchtitan.trainer import Trainer

    spec = llama3.model_registry("debugmodel")
    rope = dict(dim=C // H, max_context_length=T, theta=500000, scaling="llama")
    layers = llama3._build_llama3_layers(n_layers=L, dim=C, n_heads=H, hidden_dim=hidden, attn_backend="flex",
                                         rope=ComplexRoPE.Config(**rope))
    spec.model = dataclasses.replace(
        spec.model, dim=C, vocab_size=V, layers=layers,
        tok_embeddings=Embedding.Config(num_embeddings=V, embedding_dim=C, param_init=llama3._EMBEDDING_INIT),
        norm=RMSNorm.Config(normalized_shape=C, param_init=llama3._NORM_INIT),
        lm_head=Linear.Config(in_features=C, out_features=V, param_init=llama3._output_linear_init(C)))
    warmup = int(steps * float(env["AUTOSCALE_WARMUP"]))
    return Trainer.Config(
        model_spec=spec, hf_assets_path=str(run_dir / "assets"), dump_folder=str(run_dir),
        loss=CrossEntropyLoss.Config(global_vocab_size=V), optimizer=default_adamw(lr=float(env["AUTOSCALE_LR"])),
        lr_scheduler=LRSchedulersContainer.Config(warmup_steps=warmup, decay_type="cosine", min_lr_factor=0.0),
        dataloader=exported_mixture.dataloader(seed=int(env["AUTOSCALE_SEED"])),
        training=TrainingConfig(num_tokens_per_microbatch_per_dp_rank=T, max_context_length=T, steps=steps,
                                num_tokens_per_train_step=int(env["AUTOSCALE_BATCH_TOKENS"]) // T * T),
        checkpoint=CheckpointManager.Config(enable=True, interval=1000, last_save_in_hf=True))


if __name__ == "__main__":
    words = [env.get("AUTOSCALE", "autoscale"), "export", env["AUTOSCALE_MIXTURE"], "--to", "torchtitan", "--context", str(T)]
    subprocess.run(words + ["-o", run_dir / "exported_mixture.py"], check=True)
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": V, "hidden_size": C,
              "intermediate_size": hidden, "num_hidden_layers": L, "num_attention_heads": H, "num_key_value_heads": H,
              "max_position_embeddings": T, "rms_norm_eps": 1e-5, "rope_theta": 500000, "tie_word_embeddings": False}
    (run_dir / "assets").mkdir(exist_ok=True)
    (run_dir / "assets/tokenizer.json").write_bytes(Path(env["AUTOSCALE_TOKENIZER"]).read_bytes())
    (run_dir / "assets/config.json").write_text(json.dumps(config))
    env["PYTHONPATH"] = f"{here}:{run_dir}:" + env.get("PYTHONPATH", "")
    subprocess.run(["torchrun", "--nproc-per-node", env.get("GPUS", "1"), "-m", "torchtitan.train",
                    "--module", "torchtitan_study", "--config", "study"], check=True)
    last = run_dir / f"checkpoint/step-{steps}"
    (last / "config.json").write_text(json.dumps(config))
    tokens = steps * (int(env["AUTOSCALE_BATCH_TOKENS"]) // T * T)
    subprocess.run([sys.executable, here / "hf_losses.py", last, run_dir, str(tokens)], check=True)
