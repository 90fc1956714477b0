"""OLMo-core (2.x) for a study: an OLMo2 of the study's shape on its token files, the losses of all targets afterwards.

    trainer:
      command: "torchrun --nproc-per-node 8 examples/trainers/olmo_core_study.py"
      env: {OLMO_CORE: /opt/OLMo-core}
      heartbeat: 3600

The mixture goes in as `autoscale export --to olmo-core` writes it, the token files' .bin as they are. The checkpoint is
turned into a Hugging Face folder by OLMo-core's own script and measured by hf_losses.py. Its configs were built with
OLMo-core's classes and the data set read through them; no GPU was available to train.
"""
import os, subprocess, sys
from pathlib import Path
import yaml
from olmo_core.data import NumpyDataLoaderConfig, NumpyFSLDatasetConfig, TokenizerConfig
from olmo_core.data.source_mixture import SourceMixtureConfig, SourceMixtureDatasetConfig, SourceMixtureList
from olmo_core.nn.transformer import TransformerBlockType, TransformerConfig
from olmo_core.optim import AdamWConfig, CosWithWarmup
from olmo_core.train import Duration, TrainerConfig, prepare_training_environment, teardown_training_environment
from olmo_core.train.callbacks import CheckpointerCallback
from olmo_core.train.train_module import TransformerTrainModuleConfig
from olmo_core.utils import seed_all

env, here = os.environ, Path(__file__).resolve().parent
run_dir = Path(env["AUTOSCALE_RUN_DIR"])
L, H, C, T, V = (int(env["AUTOSCALE_" + k]) for k in ("LAYERS", "HEADS", "WIDTH", "CONTEXT", "VOCAB"))
seed, batch = int(env["AUTOSCALE_SEED"]), int(env["AUTOSCALE_BATCH_TOKENS"]) // T * T
steps = max(1, int(float(env["AUTOSCALE_TOKENS"])) // batch)


def configs(sources):
    """Model, data set, loader, training module, trainer."""
    tokenizer = TokenizerConfig(vocab_size=V, eos_token_id=0, pad_token_id=0)
    model = TransformerConfig.llama_like(d_model=C, n_layers=L, n_heads=H, vocab_size=tokenizer.padded_vocab_size(),
                                         block_name=TransformerBlockType.reordered_norm, qk_norm=True, layer_norm_eps=1e-6)
    mixture = SourceMixtureDatasetConfig(source_list=SourceMixtureList(sources=[SourceMixtureConfig(**s) for s in sources]),
                                         requested_tokens=steps * batch, global_batch_size=batch, seed=seed, render_tables=False)
    data = NumpyFSLDatasetConfig.from_src_mix(mixture, sequence_length=T, tokenizer=tokenizer, work_dir=str(run_dir / "cache"))
    loader = NumpyDataLoaderConfig(global_batch_size=batch, seed=seed, num_workers=0)
    module = TransformerTrainModuleConfig(rank_microbatch_size=T, max_sequence_length=T, max_grad_norm=1.0,
                                          optim=AdamWConfig(lr=float(env["AUTOSCALE_LR"]), weight_decay=0.1),
                                          scheduler=CosWithWarmup(warmup_fraction=float(env["AUTOSCALE_WARMUP"]), warmup=None))
    trainer = TrainerConfig(save_folder=str(run_dir / "olmo"), save_overwrite=True, max_duration=Duration.steps(steps))
    return model, data, loader, module, trainer.with_callback("checkpointer", CheckpointerCallback(save_interval=1000))


if __name__ == "__main__":
    prepare_training_environment()
    first = int(env.get("RANK", 0)) == 0
    words = [env.get("AUTOSCALE", "autoscale"), "export", env["AUTOSCALE_MIXTURE"], "--to", "olmo-core", "--context", str(T)]
    sources = yaml.safe_load(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["sources"]
    model, data, loader, module, trainer = configs(sources)
    seed_all(seed)
    module = module.build(model.build(init_device="meta"))
    trainer = trainer.build(module, loader.build(data.build(), dp_process_group=module.dp_process_group))
    trainer.maybe_load_checkpoint()
    trainer.fit()
    teardown_training_environment()
    if first:
        convert = Path(env["OLMO_CORE"]) / "src/examples/huggingface/convert_checkpoint_to_hf.py"
        out = run_dir / "hf"
        subprocess.run([sys.executable, convert, "-i", run_dir / f"olmo/step{steps}", "-o", out, "-s", str(T), "--dtype",
                        "float32", "--skip-validation"], check=True)
        subprocess.run([sys.executable, here / "hf_losses.py", out, run_dir, str(steps * batch)], check=True)
