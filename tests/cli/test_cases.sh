#!/bin/sh
# Shared cases of tokenizers (T1 to T7), vocabularies (V1), arrays of token ids (J2), and what was broken on purpose
# (B-broken). The token files' checksums are those of the ids that Hugging Face's tokenizers 0.23.3 gives,
# Tokenizer.from_file(..).encode(text, add_special_tokens=False), each document with its end-of-document token.
set -eu
command=$1
. tests/support/expect.sh
root=$(pwd)
cases=$root/../shared/cases
[ -d "$cases" ] || { echo "skipped: no shared cases"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# ids FOLDER/TOKENIZER CHECKSUM [FOLDER-OF-TEXT [NAME-OF-TEXT]]: documents are tokenized into these bytes
ids() {
    text=$cases/${3:-T1-modern-tokenizers}
    rm -rf out
    "$command" tokenize "d=$text/${4:-plain}.jsonl" "d:valid=$text/v.jsonl" --tokenizer "$cases/$1" -o out >said.txt 2>err.txt ||
        { cat err.txt; fail "$1"; }
    [ "$(cksum <out/d.train.bin)" = "$2" ] || fail "$1: other ids than the reference's: $(cksum <out/d.train.bin)"
}
ids T1-modern-tokenizers/gpt-neox.json '3321614646 1338'
ids T1-modern-tokenizers/llama3.json '2022199590 1450'
ids T1-modern-tokenizers/mistral.json '2364640413 1504'
ids T1-modern-tokenizers/qwen2.json '354942660 1466'
ids T1-modern-tokenizers/t5.json '2169381678 1734'
ids T3-no-end-of-document/tokenizer.json '1486657696 1498' T3-no-end-of-document d
grep -q 'documents end with </s> (id 2' said.txt || { cat said.txt; fail "T3: the end of a document is not said"; }
ids T4-added-token-same-bytes/emoji.json '1483382564 1338' T4-added-token-same-bytes
ids T4-added-token-same-bytes/spaces.json '1483382564 1338' T4-added-token-same-bytes
ids T5-empty-normalizer/tokenizer.json '1483382564 1338' T3-no-end-of-document d
ids T7-many-added-tokens/extra1000.json '1483382564 1338'

# T2: texts that are tokens already need the tokenizer's size and its end alone
(cd "$cases/T2-pretokenized-blocked" && "$command" tokenize d=t_u2 d:valid=one --tokenizer llama3.json -o "$work/t2" -q) >said.txt || fail T2
[ "$(cksum <t2/d.train.bin)" = '1433127673 13106' ] || fail "T2: other tokens: $(cksum <t2/d.train.bin)"

# T6: an id beyond the vocabulary is renumbered, as Hugging Face does; V1: a blank last line, and a word twice
printf '{"text": "a<|far|>b"}\n{"text": "zz"}\n' >d.jsonl
printf '{"text": "b<|far|>b"}\n' >v.jsonl
"$command" tokenize d=d.jsonl d:valid=v.jsonl --tokenizer "$cases/T6-added-id-hole/added_id_hole.json" -o t6 -q >said.txt || fail T6
[ "$(od -An -tu2 t6/d.train.bin | tr -s ' \n' ' ')" = ' 65 1200 66 0 90 90 0 ' ] || fail "T6: $(od -An -tu2 t6/d.train.bin)"
cp "$cases/V1-vocab-txt/blank_end.txt" v1.txt
"$command" tokenize d=d.jsonl d:valid=v.jsonl --tokenizer v1.txt -o v1 -q >said.txt || fail "V1: a blank last line"
{ cat "$cases/V1-vocab-txt/blank_end.txt"; sed -n 20p v1.txt; } >v2.txt
"$command" tokenize d=d.jsonl d:valid=v.jsonl --tokenizer v2.txt -o v2 -q >said.txt || fail "V1: a word twice"

# J2: arrays of ids say what they lack; with it they are read
cp "$cases"/J2-other-containers/* .
expect 2 'if it is an array of token ids, give its dtype (uint16, uint32, ...)' "$command" tokenize d=train.bin d:valid=list.json -o j2 -q
for f in llmc.bin olmo.npy; do
    expect 2 'token files need their tokenizer' "$command" tokenize d=$f d:valid=list.json -o j2 -q
done

# B-broken: nothing can be learnt from one mixture; bounds hold in every answer
for f in dup same_w; do
    expect 2 "all 20 rows have the same mixture" "$command" fit "$cases/B-broken/$f.csv" --no-trees
done
[ -z "${ASC_SMALL:-}" ] || { echo "passed"; exit 0; }
"$root/scripts/tiny-study" .
mv books a
mv code b
cp "$cases/B-broken/bounds.yaml" .
sed -i 's/^target:.*/target: {tokens: 16e3, seeds: 1, curve: 0, against: [natural, {a: 0.9, b: 0.1}]}/; s/repeats: 2/repeats: 1/' bounds.yaml
"$command" run bounds.yaml --dir bounds --quiet >out.txt 2>err.txt || { cat err.txt; fail "bounds.yaml"; }
python3 -c 'import json; m = json.load(open("bounds/mixture.json")); assert m["weights"]["a"] <= .05 and m["tokens"]["a"] <= 800' ||
    fail "bounds.yaml: the answer leaves its bounds"
for name in uniform natural weights; do
    grep -q "^note: $name: 'a' at 5 % instead of" out.txt || { cat out.txt; fail "bounds.yaml: $name was moved without a word"; }
done
echo "passed"
