# Golden values of the Llama family and of GPT-NeoX: transformers' classes in eager mode, fp32, random weights (gains and
# biases too, so that each shows). Run: python3 llama.py   writes NAME/{config.json,model.safetensors,golden.safetensors};
# versions are in golden.safetensors' metadata.
import os, sys, torch, transformers
from safetensors.torch import save_file

here = os.path.dirname(os.path.abspath(__file__))
llama3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8}
common = dict(vocab_size=61, hidden_size=24, num_hidden_layers=2, max_position_embeddings=17, bos_token_id=None, eos_token_id=None, pad_token_id=None)
small = dict(common, num_attention_heads=4, num_key_value_heads=2, intermediate_size=40)
models = {
    "llama": ("Llama", dict(small, rope_parameters=llama3, attention_bias=True, mlp_bias=True, head_dim=10)),
    "mistral": ("Mistral", dict(small, sliding_window=None, rms_norm_eps=1e-5, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0})),
    "qwen2": ("Qwen2", dict(small, tie_word_embeddings=True)),
    "qwen3": ("Qwen3", dict(small, head_dim=8)),
    "olmo2": ("Olmo2", dict(small, rope_parameters={"rope_type": "default", "rope_theta": 500000.0})),
    "gpt_neox": ("GPTNeoX", dict(common, num_attention_heads=3, intermediate_size=48, rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5})),
}
for seed, (name, (kind, options)) in enumerate(models.items()):
    torch.manual_seed(100 + seed)
    out = os.path.join(here, name)
    config = getattr(transformers, kind + "Config")(**options)
    config._attn_implementation = "eager"
    model = getattr(transformers, kind + "ForCausalLM")(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    model.save_pretrained(out, safe_serialization=True)
    for f in os.listdir(out):
        if f not in ("config.json", "model.safetensors"):
            os.remove(os.path.join(out, f))
    B, T = 2, 17
    ids = torch.randint(0, 61, (B, T + 1))
    r = model(input_ids=ids[:, :-1])
    loss = torch.nn.functional.cross_entropy(r.logits.reshape(-1, 61), ids[:, 1:].reshape(-1), reduction="sum")
    loss.backward()
    tensors = {"ids": ids.float(), "logits": r.logits.detach(), "loss": loss.detach().reshape(1)}
    for n, p in model.named_parameters():
        if name != "gpt_neox":  # which is only evaluated
            tensors["grad." + n.removeprefix("model.")] = p.grad.detach().clone()
    save_file(tensors, os.path.join(out, "golden.safetensors"),
              metadata={"torch": torch.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]})
    print(name, float(loss) / B / T)
