"""NeMo 2 for a study: a Llama of the study's shape on its token files, the losses of all targets afterwards.

    trainer:
      command: "torchrun --nproc-per-node 8 examples/trainers/nemo_study.py"
      heartbeat: 3600

The mixture goes in as `autoscale export --to nemo` writes it. The checkpoint is exported to a Hugging Face folder and
measured by hf_losses.py. Its arguments were checked against the signatures of NeMo's classes; NeMo was not installed here.
"""
import os, subprocess, sys
from pathlib import Path
import yaml

env, here = os.environ, Path(__file__).resolve().parent
run_dir = Path(env["AUTOSCALE_RUN_DIR"])
L, H, C, T = (int(env["AUTOSCALE_" + k]) for k in ("LAYERS", "HEADS", "WIDTH", "CONTEXT"))


def main():
    import torch
    from megatron.core.optimizer import OptimizerConfig
    from nemo import lightning as nl
    from nemo.collections import llm
    from nemo.collections.common.tokenizers.huggingface.auto_tokenizer import AutoTokenizer

    words = [env.get("AUTOSCALE", "autoscale"), "export", env["AUTOSCALE_MIXTURE"], "--to", "nemo", "--context", str(T)]
    data = yaml.safe_load(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["data"]
    data.pop("_target_")
    batch = max(1, int(env["AUTOSCALE_BATCH_TOKENS"]) // T)
    steps = max(1, data["num_train_samples"] // batch)
    tokenizer = AutoTokenizer(str(Path(env["AUTOSCALE_TOKENIZER"]).parent), use_fast=True)
    data = llm.PreTrainingDataModule(**data, tokenizer=tokenizer, global_batch_size=batch, micro_batch_size=1,
                                     seed=int(env["AUTOSCALE_SEED"]), index_mapping_dir=str(run_dir))
    hidden = (8 * C // 3 + 63) // 64 * 64
    model = llm.LlamaModel(llm.LlamaConfig(num_layers=L, hidden_size=C, ffn_hidden_size=hidden, num_attention_heads=H,
                                           seq_length=T, init_method_std=0.02), tokenizer=tokenizer)
    optim = nl.MegatronOptimizerModule(
        config=OptimizerConfig(optimizer="adam", lr=float(env["AUTOSCALE_LR"]), weight_decay=0.1, bf16=True),
        lr_scheduler=nl.lr_scheduler.CosineAnnealingScheduler(max_steps=steps, min_lr=0.0, constant_steps=0,
                                                              warmup_steps=int(steps * float(env["AUTOSCALE_WARMUP"]))))
    trainer = nl.Trainer(accelerator="gpu", devices=int(env.get("LOCAL_WORLD_SIZE", 1)), max_steps=steps, limit_val_batches=0,
                         num_sanity_val_steps=0, log_every_n_steps=10, strategy=nl.MegatronStrategy(),
                         plugins=nl.MegatronMixedPrecision(precision="bf16-mixed"), use_distributed_sampler=False)
    logs = llm.pretrain(model=model, data=data, trainer=trainer, optim=optim,
                         log=nl.NeMoLogger(log_dir=str(run_dir / "nemo"), name="run", use_datetime_version=False,
                                           ckpt=nl.ModelCheckpoint(save_last=True, every_n_train_steps=1000)),
                         resume=nl.AutoResume(resume_if_exists=True, resume_ignore_no_checkpoint=True))
    if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
        saved = max((Path(logs) / "checkpoints").glob("*-last"), key=lambda p: p.stat().st_mtime)
        out = llm.export_ckpt(path=saved, target="hf", output_path=run_dir / "hf", overwrite=True)
        subprocess.run([sys.executable, here / "hf_losses.py", out, run_dir, str(steps * batch * T)], check=True)


if __name__ == "__main__":
    main()
