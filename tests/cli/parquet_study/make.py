"""What a team has on disk, small: three domains as Parquet shards of two writers' settings, and a tokenizer of Qwen2's
shape trained on them. The text is made by rules. Needs pyarrow and tokenizers.  make.py  writes beside itself."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

here = Path(__file__).parent
rng = random.Random(3)
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def sentence(kind):
    if kind == "code":
        a, b = rng.choice("xyzab"), rng.choice("ijkmn")
        return rng.choice([f"for ({a} = 0; {a} < {rng.randrange(100)}; {a}++) {{ {b} += {a}; }}\n", f"if ({a} != {b}) return {rng.randrange(10)};\n",
                           f"\t{a}[{b}] = {b} * {rng.randrange(50)};\n"])
    if kind == "web":
        return rng.choice(["Read more about our {} here. ", "Click the {} to continue! ", "Best {} of 2024: don't miss it. "]).format(
            rng.choice("offers news recipes travel garden music naïve".split()))
    return rng.choice(["The old {} walked slowly towards the sea. ", "She had never seen such a {} before. ", "\"It's late,\" said the {}. "]).format(
        rng.choice("man captain doctor house letter storm façade".split()))


texts = []
for domain in ("books", "code", "web"):
    (here / domain).mkdir(exist_ok=True)
    for shard in range(2):
        docs = ["".join(sentence(domain) for _ in range(rng.randrange(3, 30))) for _ in range(60)]
        texts += docs
        table = pa.table({"id": list(range(60)), "content": docs, "meta": [{"source": domain, "n": len(d)} for d in docs]})
        pq.write_table(table, here / domain / f"part-{shard:05d}.parquet", compression=("zstd", "snappy")[shard],
                       row_group_size=25, data_page_version=("1.0", "2.0")[shard])

t = Tokenizer(models.BPE())
t.normalizer = normalizers.NFC()
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated"),
                                           pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
t.decoder = decoders.ByteLevel()
t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=380, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
t.add_special_tokens([AddedToken(x, special=True, normalized=False) for x in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
t.save(str(here / "tokenizer.json"), pretty=False)
(here / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>", "tokenizer_class": "Qwen2Tokenizer"}\n')
