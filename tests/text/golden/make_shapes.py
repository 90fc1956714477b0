#!/usr/bin/env python3
"""Tokenizers of the shapes that published models have, with vocabularies learned from generated words, and the ids that
Hugging Face's tokenizers, SentencePiece and tiktoken give with them, kept as hashes.

Usage: make_shapes.py SHARED OUT [--ids], with --ids for the tokenizers that lie there already, where SHARED holds corpora/*.jsonl.zst and OUT this folder. Made with tokenizers 0.23.3,
sentencepiece 0.2.3, tiktoken 0.14.0, zstandard 0.25.0, numpy 2.4.6, Python 3.11.

shapes/NAME.json|model|tiktoken   the tokenizers
shapes.txt   shape, text, number of ids, SHA-256 of all ids as little-endian int32. Texts: "strings" (strings.txt, made by
             make_golden.py), "glued" (pairs of neighbours among them with an added token between, see glued()), and
             "NAME" of a corpus: its first documents, cut to LONGEST characters
"""
import base64
import glob
import hashlib
import io
import json
import os
import random
import sys

import numpy as np
import sentencepiece as spm
import tiktoken
import zstandard
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.pre_tokenizers import ByteLevel, Digits, Metaspace, Punctuation, Split

DOCUMENTS, LONGEST = 5, 10000

GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
        r"\s+(?!\S)|\s+")
QWEN = GPT4.replace(r"\p{N}{1,3}", r"\p{N}")
TIKTOKEN_GPT4 = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"
                 r"\s*[\r\n]|\s+(?!\S)|\s")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = "|".join([rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{ENDING}", rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{ENDING}",
                  r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
TEKKEN = "|".join([rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+", rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*",
                   r"\p{N}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK3 = ("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+"
             "[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")
MARK = "\u2581"


# ---- text to learn from: words of our own in several scripts ----


def words(r, n):
    scripts = [
        ("bcdfghklmnprstvz", "aeiou", "nrslt"),
        ("bcdfghklmnprstvz", "aeiou", "nrslt"),
        ("бвгдклмнпрст", "аеиоуя", "йнрл"),
        ("βγδκλμνπρστ", "αεηιοάέ", "ςν"),
        ("中文字元語言山水火木金土日月", "人口大小上下左右", "年"),
        ("かきくけこさしすせそ", "あいうえおん", "ー"),
        ("بتثجحدرزسشعفقكلمن", "اوي", "ةه"),
        ("कखगघचजटडतदनपबमयर", "ािीुूे", "ंः"),
        ("çéèêñöüåøß", "áíóúýàâ", "žšč"),
    ]
    out = []
    for _ in range(n):
        first, middle, last = r.choice(scripts)
        w = "".join(r.choice(first) + r.choice(middle) + (r.choice(last) if r.random() < .3 else "")
                    for _ in range(r.randrange(1, 4)))
        out.append(w.capitalize() if r.random() < .15 else w)
    return out


def lines(seed=7, n=1500):
    r = random.Random(seed)
    lexicon = words(r, 900)
    for _ in range(n):
        parts = []
        for _ in range(r.randrange(3, 16)):
            w = lexicon[int(len(lexicon) ** r.random()) - 1]
            k = r.random()
            parts.append(w + ("'s" if k < .04 else "," if k < .1 else "." if k < .16 else "!" if k < .18 else ""))
            if k > .93:
                parts.append(str(r.randrange(10 ** r.randrange(1, 6))))
            if k > .985:
                parts.append(r.choice(["\U0001F600", "\U0001F680\U0001F680", "x = y + 1;", "if (a) {\n    b();\n}", "http://a.b/c"]))
        yield " ".join(parts) + r.choice(["", "", "\n", "\n\n", "  ", "\t"])


LINES = list(lines())


def byte_bpe(vocab, specials, pre, normalizer=None, **model):
    t = Tokenizer(models.BPE(**model))
    t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=vocab, special_tokens=specials, show_progress=False,
                                                     initial_alphabet=ByteLevel.alphabet(), min_frequency=2))
    return t


def char_bpe(vocab, specials, pre=None, normalizer=None, trainer=None, **model):
    t = Tokenizer(models.BPE(**model))
    if pre:
        t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=vocab, special_tokens=specials, show_progress=False,
                                                     limit_alphabet=120, min_frequency=2, **(trainer or {})))
    return t


def unigram(vocab, specials, pre, normalizer, unk="<unk>"):
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre
    t.normalizer = normalizer
    t.train_from_iterator(LINES, trainers.UnigramTrainer(vocab_size=vocab, special_tokens=specials, unk_token=unk,
                                                         show_progress=False))
    return t


def wordpiece(vocab, normalizer, **model):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", **model))
    t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(LINES, trainers.WordPieceTrainer(
        vocab_size=vocab, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False,
        limit_alphabet=200))
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", t.token_to_id("[CLS]")), ("[SEP]", t.token_to_id("[SEP]"))])
    return t


def changed(t, edit):
    root = json.loads(t.to_str())
    edit(root)
    return root


def bytes_first(specials):
    return specials + [f"<0x{b:02X}>" for b in range(256)]


def special(name, **flags):
    return AddedToken(name, special=True, normalized=False, **flags)


def charsmap():
    """The map of SentencePiece's nmt_nfkc is large and not ours: one of a few rules of our own, by its own compiler."""
    rules = [("0009", "0020"), ("000A", "0020"), ("000D", "0020"), ("00A0", "0020"), ("3000", "0020"), ("FF21", "0041"),
             ("FF22", "0042"), ("FF01", "0021"), ("2460", "0031"), ("00BD", "0031 2044 0032"), ("FB01", "0066 0069"),
             ("0065 0301", "00E9"), ("0061 0308", "00E4"), ("00AD", ""), ("200B", "0020"), ("0041 030A", "00C5"),
             ("2126", "03A9"), ("304B 3099", "304C"), ("1E9B 0323", "1E69"), ("FDFA", "0635 0020 0644")]
    path = "/tmp/make_shapes.tsv"
    with open(path, "w") as f:
        f.writelines(f"{a}\t{b}\n" for a, b in rules)
    return path


def sentencepiece(vocab, kind, **options):
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(x.replace("\n", " ") for x in LINES), model_writer=model,
                                   vocab_size=vocab, model_type=kind, minloglevel=2, hard_vocab_limit=False,
                                   num_threads=1, **options)
    return model.getvalue()


def field(data, want):
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 2:
            n = varint()
            if tag >> 3 == want:
                return data[at : at + n]
            at += n
        elif tag & 7 == 0:
            varint()
        else:
            at += 4 if tag & 7 == 5 else 8


def shapes():
    split4 = lambda p: pre_tokenizers.Sequence([Split(Regex(p), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)])
    plain = ByteLevel(add_prefix_space=False)

    t = byte_bpe(600, ["<|begin_of_text|>", "<|end_of_text|>"], split4(GPT4), ignore_merges=True)
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", 0)])])
    yield "llama3", t
    t = byte_bpe(600, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split4(QWEN), normalizers.NFC())
    t.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False)])
    yield "qwen2", t
    t = byte_bpe(600, ["<|endoftext|>", "<|padding|>"], plain, normalizers.NFC())
    t.add_tokens([AddedToken(" " * k, normalized=True) for k in range(24, 1, -1)])
    yield "gpt-neox", t
    t = byte_bpe(600, ["<|endoftext|>"], plain, normalizers.NFC())
    t.add_tokens([AddedToken("|||EMAIL_ADDRESS|||"), AddedToken("   "), AddedToken("  ")])
    yield "olmo", t
    t = byte_bpe(600, ["<|endoftext|>", "<|im_start|>"], split4(GPT4))
    t.add_special_tokens([AddedToken(f"<|extra_id_{k}|>", special=True, normalized=False) for k in range(3)])
    yield "olmo2", t
    deepseek = pre_tokenizers.Sequence([Split(Regex(r"\p{N}{1,3}"), "isolated"),
                                        Split(Regex("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), "isolated"),
                                        Split(Regex(DEEPSEEK3), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)])
    begin, end = "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"
    t = byte_bpe(600, [begin, end], deepseek, normalizers.Sequence([]))
    t.add_special_tokens([special("<\uff5cUser\uff5c>"), special("<think>")])
    yield "deepseek-v3", t
    old = pre_tokenizers.Sequence([Split(Regex("[\r\n]"), "isolated"), Split(Regex(r"\s?[A-Za-zµÀ-ÖØ-öø-ƺΑ-Ωа-я]+"), "isolated"),
                                   Split(Regex(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), "isolated"), Split(Regex(r"\s+$"), "isolated"),
                                   Split(Regex("[一-龥ࠀ-一가-퟿]+"), "isolated"), Digits(individual_digits=True),
                                   ByteLevel(add_prefix_space=False, use_regex=False)])
    yield "deepseek-v2", byte_bpe(600, [begin, end], old, normalizers.Sequence([]))
    yield "smollm", byte_bpe(600, ["<|endoftext|>", "<|im_start|>", "<repo_name>"],
                             pre_tokenizers.Sequence([Digits(individual_digits=True), plain]))
    t = byte_bpe(600, ["<|endoftext|>", "<fim_prefix>"], pre_tokenizers.Sequence([Digits(individual_digits=True), plain]))
    yield "starcoder", t
    yield "falcon", byte_bpe(600, [">>TITLE<<", "<|endoftext|>"], pre_tokenizers.Sequence(
        [Punctuation("contiguous"), plain, Digits(individual_digits=False), Split(Regex("[0-9][0-9][0-9]"), "isolated")]))
    yield "bloom", byte_bpe(600, ["<unk>", "<s>", "</s>", "<pad>"], pre_tokenizers.Sequence(
        [Split(Regex(r" ?[^(\s|[.,!?…。，、।۔،])]+"), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]))
    t = byte_bpe(600, ["<s>", "<pad>", "</s>", "<unk>"], ByteLevel(add_prefix_space=False))
    t.add_special_tokens([special("<mask>", lstrip=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    yield "roberta", t
    t = byte_bpe(600, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], ByteLevel(add_prefix_space=True))
    yield "bart", t
    metaspace = lambda scheme, cut: Metaspace(MARK, scheme, cut)
    llama = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    cut = pre_tokenizers.Split(MARK, "merged_with_next")
    t = char_bpe(900, bytes_first(["<unk>", "<s>", "</s>"]), cut, llama, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    yield "llama2", changed(t, lambda j: j.update(pre_tokenizer=None))
    t = char_bpe(900, bytes_first(["<unk>", "<s>", "</s>"]), metaspace("first", True), None, unk_token="<unk>", fuse_unk=True,
                 byte_fallback=True)

    def one_piece(j):
        j["pre_tokenizer"]["split"] = False

    yield "mistral-v1", changed(t, one_piece)
    t = byte_bpe(600, ["<unk>", "<s>", "</s>", "[INST]"], split4(TEKKEN), ignore_merges=True)
    yield "mistral-tekken", t
    t = char_bpe(900, bytes_first(["<unk>", "<s>", "</s>"]), cut, llama, unk_token="<unk>", fuse_unk=True, byte_fallback=True)

    def yi(j):
        j["pre_tokenizer"] = None
        j["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": MARK}

    yield "yi", changed(t, yi)
    t = char_bpe(900, bytes_first(["<pad>", "<eos>", "<bos>", "<unk>"]), cut, normalizers.Replace(" ", MARK), unk_token="<unk>",
                 fuse_unk=True, byte_fallback=True)

    def gemma(j):
        j["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}

    t.add_tokens([AddedToken("\n" * k, normalized=False) for k in range(2, 6)])
    t.add_tokens([AddedToken(MARK * k, normalized=False) for k in range(2, 6)])
    yield "gemma", changed(t, gemma)
    t = byte_bpe(600, ["<|endoftext|>"], plain)
    t.add_tokens([AddedToken(" " * k, normalized=True, special=False) for k in range(31, 1, -1)])
    t.add_tokens([AddedToken("\t" * k, normalized=True) for k in range(9, 1, -1)])
    yield "codegen", t
    yield "phi4", byte_bpe(600, ["<|endoftext|>", "<|im_sep|>"], split4(TIKTOKEN_GPT4.replace("{1,3}+", "{1,3}")))
    yield "gpt-4o", byte_bpe(600, ["<|endoftext|>", "<|endofprompt|>"], split4(O200K))
    yield "mpt", byte_bpe(600, ["<|endoftext|>", "<|padding|>"], plain, normalizers.NFC())
    t = byte_bpe(600, ["[UNK]", "[CLS]", "[SEP]", "[PAD]"], plain, normalizers.NFC())
    t.add_tokens([AddedToken("|||IP_ADDRESS|||", normalized=True), AddedToken("    ", normalized=True)])
    t.add_special_tokens([special("[MASK]", lstrip=True)])
    yield "modernbert", t
    yield "command-r", byte_bpe(600, ["<PAD>", "<UNK>", "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>"],
                                pre_tokenizers.Sequence([Digits(individual_digits=True), plain]), normalizers.NFC())
    t = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix=""))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([Split(Regex(
        r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        ByteLevel(add_prefix_space=False)])
    t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=800, special_tokens=["<|startoftext|>", "<|endoftext|>"],
                                                     show_progress=False, initial_alphabet=ByteLevel.alphabet(),
                                                     end_of_word_suffix="</w>"))
    yield "clip", t
    bert = lambda **k: normalizers.BertNormalizer(**k)
    yield "bert-uncased", wordpiece(600, bert())
    yield "bert-cased", wordpiece(600, bert(lowercase=False))
    yield "bert-multilingual", wordpiece(600, bert(lowercase=False, strip_accents=False, handle_chinese_chars=True))
    yield "distilbert", wordpiece(600, bert(lowercase=True, strip_accents=False, clean_text=True))
    t = wordpiece(600, normalizers.Sequence([normalizers.NFKC(), bert(clean_text=False, handle_chinese_chars=False)]),
                  max_input_chars_per_word=12)
    t.add_tokens([AddedToken("Bab", single_word=True, normalized=True), AddedToken("[X]", rstrip=True, normalized=False)])
    yield "electra-like", t
    specials = ["<pad>", "</s>", "<unk>"]
    precompiled = normalizers.Precompiled(field(field(sentencepiece(300, "unigram", normalization_rule_tsv=charsmap()), 3), 2))
    t = unigram(600, specials, metaspace("always", True), precompiled)
    t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    t.add_special_tokens([special(f"<extra_id_{k}>", lstrip=False) for k in range(30)])
    yield "t5", t
    t = unigram(600, ["<s>", "<pad>", "</s>", "<unk>"],
                pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace("always", True)]),
                normalizers.Sequence([precompiled, normalizers.Replace(Regex(" {2,}"), " ")]))
    t.add_special_tokens([special("<mask>", lstrip=True)])
    yield "xlm-roberta", t
    t = unigram(600, ["<pad>", "<unk>", "[CLS]", "[SEP]"], metaspace("always", True), normalizers.Sequence(
        [normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(),
         normalizers.Lowercase(), precompiled, normalizers.Replace(Regex(" {2,}"), " ")]))
    t.add_special_tokens([special("[MASK]", lstrip=True)])
    yield "albert", t
    t = unigram(600, ["<unk>", "<s>", "</s>"], metaspace("always", True), normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]))

    def fallback(j):
        j["model"]["byte_fallback"] = True
        j["model"]["vocab"] += [[f"<0x{b:02X}>", -20.0 - b / 256] for b in range(256)]

    yield "unigram-bytes", changed(t, fallback)
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Strip(), normalizers.StripAccents()])
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t.train_from_iterator(LINES, trainers.WordLevelTrainer(vocab_size=400, special_tokens=["[UNK]", "[EOS]"], show_progress=False))
    yield "word-level", t
    t = char_bpe(500, ["[UNK]", "[SEP]"], pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), pre_tokenizers.WhitespaceSplit(),
                                                                  Punctuation("merged_with_previous")]),
                 normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()]), unk_token="[UNK]",
                 trainer={"continuing_subword_prefix": "@@"}, continuing_subword_prefix="@@", fuse_unk=False)
    yield "scripts-prefix", t
    t = char_bpe(500, ["<unk>", "</s>"], pre_tokenizers.Sequence([pre_tokenizers.CharDelimiterSplit("a"), Digits(False),
                                                                 Split(" ", "merged_with_next"), Split(Regex(r"\d"), "contiguous"),
                                                                 pre_tokenizers.FixedLength(7)]),
                 normalizers.Sequence([normalizers.Strip(left=True, right=False), normalizers.NFKC()]), unk_token="<unk>", fuse_unk=True)
    yield "delimiters", t
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.ByteLevel()])
    t.pre_tokenizer = Split(Regex("Ġ?[A-Za-z]+|[0-9]|Ċ+"), "isolated")
    t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=500, special_tokens=["<|endoftext|>"], show_progress=False,
                                                     initial_alphabet=ByteLevel.alphabet()))
    t.add_tokens([AddedToken("zé", normalized=True), AddedToken("  x", normalized=True, lstrip=True, rstrip=True)])
    yield "byte-normalizer", t

    yield "spm-unigram.model", sentencepiece(500, "unigram", byte_fallback=True, user_defined_symbols=["<sep>", "\u2581\u2581"])
    yield "spm-bpe.model", sentencepiece(700, "bpe", byte_fallback=True, user_defined_symbols=["<sep>", "@@"])
    yield "spm-llama.model", sentencepiece(700, "bpe", byte_fallback=True, normalization_rule_name="identity",
                                           remove_extra_whitespaces=False, split_digits=True)
    yield "spm-plain.model", sentencepiece(500, "unigram", normalization_rule_tsv=charsmap(), add_dummy_prefix=False,
                                           treat_whitespace_as_suffix=True)
    for name, count in (("cl100k_base-tiny", GPT4), ("o200k_base-tiny", O200K), ("r50k_base-tiny", None)):
        yield name + ".tiktoken", ranks(byte_bpe(600, [], plain))


def ranks(t):
    """The vocabulary as a list of ranks: bytes first, then by merge."""
    alphabet = {v: k for k, v in byte_chars().items()}
    return b"".join(base64.b64encode(bytes(alphabet[c] for c in token)) + b" %d\n" % rank
                    for token, rank in sorted(t.get_vocab().items(), key=lambda x: x[1]))


def byte_chars():
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in own]
    return {**{b: chr(b) for b in own}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


# ---- the ids ----


def documents(path):
    with open(path, "rb") as f:
        for i, line in enumerate(io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(f), encoding="utf-8", newline="\n")):
            if i == DOCUMENTS:
                return
            yield json.loads(line)["text"][:LONGEST]


def glued(strings, added):
    """Neighbours with an added token between them, with and without blanks."""
    for i in range(len(strings) - 1):
        name = added[i % len(added)] if added else "<none>"
        yield strings[i] + ("", " ", "\n ", "a")[i % 4] + name + ("", "  ", "b", "\t")[i // 4 % 4] + strings[i + 1]


def encoder(path):
    """Ids of a text, names of added tokens."""
    if path.endswith(".json"):
        t = Tokenizer.from_file(path)
        t.no_truncation()
        order = [x["content"] for x in json.load(open(path))["added_tokens"]]
        return lambda text: t.encode(text, add_special_tokens=False).ids, order
    if path.endswith(".model"):
        p = spm.SentencePieceProcessor(model_file=path)
        return p.encode, []
    rank = {base64.b64decode(a): int(b) for a, b in (x.split() for x in open(path, "rb"))}
    name = os.path.basename(path)
    pattern = TIKTOKEN_GPT4 if "cl100k" in name else O200K if "o200k" in name else \
        r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
    e = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=rank, special_tokens={})
    return e.encode_ordinary, []


def write_shapes(folder):
    os.makedirs(folder, exist_ok=True)
    for name, t in shapes():
        path = os.path.join(folder, name if "." in name else name + ".json")
        if isinstance(t, bytes):
            open(path, "wb").write(t)
        else:
            with open(path, "w") as f:
                json.dump(t if isinstance(t, dict) else json.loads(t.to_str()), f, separators=(",", ":"))


def main():
    shared, out = sys.argv[1:3]
    folder = os.path.join(out, "shapes")
    if "--ids" not in sys.argv:
        write_shapes(folder)
    strings = [json.loads(line) for line in open(os.path.join(out, "strings.txt"))]
    corpora = sorted(glob.glob(os.path.join(shared, "corpora/*.jsonl.zst")))
    texts = {os.path.basename(p).split(".")[0]: list(documents(p)) for p in corpora}
    with open(os.path.join(out, "shapes.txt"), "w") as f:
        for path in sorted(glob.glob(os.path.join(folder, "*.*"))):
            encode, added = encoder(path)
            for text, docs in {"strings": strings, "glued": list(glued(strings, added)), **texts}.items():
                digest, n = hashlib.sha256(), 0
                for s in docs:
                    ids = encode(s)
                    digest.update(np.array(ids, dtype="<i4").tobytes())
                    n += len(ids)
                f.write(f"{os.path.basename(path)} {text} {n} {digest.hexdigest()}\n")


if __name__ == "__main__":
    main()
