# The other direction, by hand (needs torch and transformers): checkpoints that our build writes are loaded by
# transformers as they are, on real text (its bytes as tokens); prints the largest difference of logits, of the mean loss
# and of the gradients. Usage: python3 compare_ours.py BUILD/model_test_interchange TEXTFILE [gpt2|bert|llama]
import os, subprocess, sys, tempfile
import numpy as np, torch, transformers
from safetensors.torch import load_file

torch.set_num_threads(1)
def compare(arch, layers, heads, width, context, vocab, keys=""):
    with tempfile.TemporaryDirectory() as d:
        text = np.frombuffer(open(sys.argv[2], "rb").read(2 * (context + 1)), dtype=np.uint8).astype(np.int32)
        text.tofile(d + "/ids.bin")
        subprocess.run([sys.argv[1]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=dict(os.environ, ASC_INTERCHANGE_OUT=d, ASC_INTERCHANGE_SHAPE=f"{layers} {heads} {width} {context} {vocab} {arch} {keys}"))
        kind = transformers.AutoModelForMaskedLM if arch == "bert" else transformers.AutoModelForCausalLM
        model = kind.from_pretrained(d, attn_implementation="eager").eval()
        ids = torch.from_numpy(text.reshape(2, -1)).long()
        targets = ids[:, 1:]
        if arch == "bert":  # every seventh id of the file is predicted where it stands
            at = torch.arange(ids.numel()).reshape(2, -1) % 7 == 3
            targets = torch.where(at, ids, torch.full_like(ids, -100))[:, :-1]
        logits = model(input_ids=ids[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, vocab), targets.reshape(-1))
        loss.backward()
        ours = torch.from_numpy(np.fromfile(d + "/logits.bin", dtype=np.float32)).reshape(logits.shape)
        our_loss = np.fromfile(d + "/loss.bin", dtype=np.float64)[0]
        grads = load_file(d + "/grads.safetensors")
        params = ((n.removeprefix("transformer.").removeprefix("model."), p) for n, p in model.named_parameters())
        params = [(n, p.grad) for n, p in params if p.grad is not None]
        # a key's bias has no gradient but rounding (softmax does not see it): tensors far below the largest count by that one
        floor = 1e-4 * max(g.norm() for n, g in params)
        worst = max((float((grads["m." + n.replace("decoder.bias", "bias")] - g).norm() / (g.norm() + floor)), n) for n, g in params)
        print(f"{arch} {keys} ({type(model).__name__}), {layers} layers, width {width}, vocab {vocab}: logits {float((ours - logits).detach().abs().max()):.2e}, mean loss "
              f"{abs(our_loss - float(loss)):.2e}, gradients {worst[0]:.2e} ({worst[1]})", flush=True)


variants = ("", "kv_heads=2,tied=false,rope_theta=500000,rope_scaling=llama3,rope_factor=8,rope_original=32", "kv_heads=1,head_dim=24,qkv_bias=true,out_bias=true,mlp_bias=true",
            "qkv_bias=true,rope_scaling=linear,rope_factor=4", "kv_heads=2,head_dim=48,qk_norm=head", "kv_heads=2,qk_norm=full,norm=after,norm_eps=1e-6")
for keys in variants if "llama" in sys.argv[3:] or len(sys.argv) < 4 else ():
    for shape in ((2, 2, 64, 64, 256), (4, 4, 128, 128, 4096), (6, 8, 256, 256, 8192)):
        compare("llama", *shape, keys)
for arch in [a for a in sys.argv[3:] if a != "llama"] if len(sys.argv) > 3 else ("gpt2", "bert"):
    for shape in ((2, 2, 64, 64, 256), (4, 4, 128, 128, 4096), (6, 8, 256, 256, 8192), (12, 12, 768, 256, 50257)):
        compare(arch, *shape)
print("torch", torch.__version__, "transformers", transformers.__version__)
