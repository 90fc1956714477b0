# Golden values of GPT-2: transformers' GPT2LMHeadModel in eager mode, fp32, random weights (gains and biases too, so that
# each shows). Run: python3 gpt2.py   writes gpt2/{config.json,model.safetensors,golden.safetensors}; versions are in
# golden.safetensors' metadata.
import os, sys, torch, transformers
from safetensors.torch import save_file

torch.manual_seed(5)
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gpt2")
config = transformers.GPT2Config(vocab_size=61, n_positions=17, n_embd=24, n_layer=2, n_head=3, resid_pdrop=0.0, embd_pdrop=0.0,
                                 attn_pdrop=0.0, bos_token_id=None, eos_token_id=None)
config._attn_implementation = "eager"
model = transformers.GPT2LMHeadModel(config).eval()
with torch.no_grad():
    for p in model.parameters():
        p.add_(torch.randn_like(p) * 0.1)
model.save_pretrained(out, safe_serialization=True)
for name in os.listdir(out):
    if name not in ("config.json", "model.safetensors"):
        os.remove(os.path.join(out, name))
B, T = 2, 17
ids = torch.randint(0, 61, (B, T + 1))
r = model(input_ids=ids[:, :-1])
loss = torch.nn.functional.cross_entropy(r.logits.reshape(-1, 61), ids[:, 1:].reshape(-1), reduction="sum")
loss.backward()
tensors = {"ids": ids.float(), "logits": r.logits.detach(), "loss": loss.detach().reshape(1)}
for n, p in model.named_parameters():
    tensors["grad." + n.removeprefix("transformer.")] = p.grad.detach().clone()
# one AdamW step with clipping, as torch makes it
torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
matrices = [p for n, p in model.named_parameters() if p.dim() == 2]
vectors = [p for n, p in model.named_parameters() if p.dim() == 1]
torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}], lr=1e-3,
                  betas=(0.9, 0.95), eps=1e-8).step()
for n in ("h.0.mlp.c_fc.weight", "wte.weight", "ln_f.bias"):
    tensors["after." + n] = dict(model.transformer.named_parameters())[n].detach().clone()
save_file(tensors, os.path.join(out, "golden.safetensors"),
          metadata={"torch": torch.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]})
