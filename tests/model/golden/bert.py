# Golden values of BERT: transformers' BertForMaskedLM in eager mode, fp32, random weights (norms and biases too, so that
# each shows). Run: python3 bert.py   writes bert/{config.json,model.safetensors,golden.safetensors}; versions are in
# golden.safetensors' metadata.
import os, sys, torch, transformers
from safetensors.torch import save_file

torch.manual_seed(4)
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bert")
config = transformers.BertConfig(vocab_size=53, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
                                 max_position_embeddings=12, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0)
config._attn_implementation = "eager"
model = transformers.BertForMaskedLM(config).eval()
with torch.no_grad():
    for p in model.parameters():
        p.add_(torch.randn_like(p) * 0.1)
model.save_pretrained(out, safe_serialization=True)
for name in os.listdir(out):
    if name not in ("config.json", "model.safetensors"):
        os.remove(os.path.join(out, name))
B, T = 3, 12
ids = torch.randint(1, 53, (B, T))
segments = (torch.arange(T) >= 7).long().repeat(B, 1)
lengths = torch.tensor([12, 9, 5])
mask = (torch.arange(T)[None, :] < lengths[:, None]).long()
labels = torch.where((torch.rand(B, T) < 0.4) & (mask == 1), torch.randint(0, 53, (B, T)), torch.full((B, T), -100))
r = model(input_ids=ids, attention_mask=mask, token_type_ids=segments)
loss = torch.nn.functional.cross_entropy(r.logits.reshape(-1, 53), labels.reshape(-1), ignore_index=-100, reduction="sum")
loss.backward()
tensors = {"ids": ids.float(), "segments": segments.float(), "lengths": lengths.float(), "labels": labels.float(),
           "logits": (r.logits * mask[:, :, None]).detach(), "loss": loss.detach().reshape(1)}
for n, p in model.named_parameters():
    tensors["grad." + n] = (p.grad if p.grad is not None else torch.zeros_like(p)).contiguous()
save_file(tensors, os.path.join(out, "golden.safetensors"),
          metadata={"torch": torch.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]})
