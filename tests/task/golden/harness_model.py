# Golden values of scoring: the harness' own Hugging Face model on a small random GPT-2 with a byte-level BPE trained on the
# rows of raw/. Writes tiny/{config.json,model.safetensors,tokenizer.json} and harness_model.json.
# Run: python3 harness_model.py   (lm_eval 0.4.13 with torch and transformers; versions are written into the file)
import importlib.metadata, json, os, sys, torch, transformers, tokenizers
from lm_eval import evaluator
from lm_eval.models.huggingface import HFLM
import harness_tasks

here = os.path.dirname(os.path.abspath(__file__))
tiny = here + "/tiny"
os.makedirs(tiny, exist_ok=True)
bpe = tokenizers.ByteLevelBPETokenizer()
bpe.train([f"{here}/raw/{f}" for f in sorted(os.listdir(here + "/raw"))], vocab_size=500, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False)
bpe.save(tiny + "/tokenizer.json")
fast = transformers.PreTrainedTokenizerFast(tokenizer_file=tiny + "/tokenizer.json", eos_token="<|endoftext|>", bos_token="<|endoftext|>")
torch.manual_seed(3)
config = transformers.GPT2Config(vocab_size=bpe.get_vocab_size(), n_positions=96, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0, embd_pdrop=0,
                                 attn_pdrop=0, bos_token_id=0, eos_token_id=0)
model = transformers.GPT2LMHeadModel(config).eval()
with torch.no_grad():
    for p in model.parameters():
        p.add_(torch.randn_like(p) * 0.15)
model.save_pretrained(tiny)
if os.path.exists(tiny + "/generation_config.json"):
    os.remove(tiny + "/generation_config.json")
lm = HFLM(pretrained=model, tokenizer=fast, batch_size=4, device="cpu", max_length=96)
out = {"versions": {k: importlib.metadata.version(k) for k in ("lm_eval", "torch", "transformers", "tokenizers")}, "tasks": {}}
for name, harness in harness_tasks.NAMES.items():
    for shots in (0, 2):
        if shots and (name.startswith("truthful") or name == "crows_pairs"):
            continue
        res = evaluator.simple_evaluate(model=lm, tasks=[harness_tasks.load(name, harness, shots)], task_manager=harness_tasks.manager,
                                        num_fewshot=shots, bootstrap_iters=0, log_samples=True)
        r = list(res["results"].values())[0]
        figures = {k.split(",")[0]: v for k, v in r.items() if isinstance(v, (int, float)) and "stderr" not in k}
        samples = sorted(list(res["samples"].values())[0], key=lambda s: s["doc_id"])
        items = [[[float(x[0][0]), bool(x[0][1])] for x in s["resps"]] for s in samples]
        out["tasks"][f"{name}:{shots}"] = {"figures": figures, "items": items}
json.dump(out, open(here + "/harness_model.json", "w"), indent=0)
