#!/bin/sh
# The token that ends a document is named by an option, a tokenizer_config.json, the post-processor or a usual name; it is
# told, kept in the tokenizer that is saved, and its absence is an error. Token files need no tokenizer at all.
set -eu
command -v python3 >/dev/null || { echo "python3 is absent: skipped"; exit 77; }
command=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 - <<'P'
import json
alphabet = [*range(33, 127), *range(161, 173), *range(174, 256)]
chars = [chr(b) for b in alphabet] + [chr(256 + i) for i in range(256 - len(alphabet))]

def tokenizer(name, added, post=None):
    vocab = {c: i for i, c in enumerate(chars)}
    json.dump({"version": "1.0", "added_tokens": [
        {"id": 256 + i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, c in enumerate(added)], "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": post, "model": {"type": "BPE", "vocab": vocab, "merges": []}}, open(name, "w"))

tokenizer("none.json", ["<<stop>>", "<<go>>"])
tokenizer("usual.json", ["</s>", "<<stop>>"])
tokenizer("post.json", ["</s>", "<<stop>>"], {"type": "TemplateProcessing", "single": [
    {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<<stop>>", "type_id": 0}}], "pair": [], "special_tokens": {}})
with open("d.jsonl", "w") as f:
    for i in range(40):
        f.write(json.dumps({"text": f"document {i} of words"}) + "\n")
with open("e.jsonl", "w") as f:
    for i in range(40):
        f.write(json.dumps({"text": f"another {i} of words"}) + "\n")
with open("v.jsonl", "w") as f:
    f.write(json.dumps({"text": "held out words"}) + "\n")
P

tokenize() { # tokenizer, more options
    tokenizer=$1
    shift
    "$command" tokenize d=d.jsonl d:valid=v.jsonl --tokenizer "$tokenizer" -o out "$@" --quiet
}
end_is() { # id, token: by the report, and the last id of the first document
    grep -q "\"token\": \"$2\"" out/report.json || { cat out/report.json; exit 1; }
    python3 - "$1" <<'P'
import struct, sys
index, tokens = open("out/d.train.idx", "rb").read(), open("out/d.train.bin", "rb").read()
n = struct.unpack_from("<i", index, 34)[0]
last = struct.unpack_from("<H", tokens, 2 * n - 2)[0]
assert last == int(sys.argv[1]), last
P
    rm -rf out
}
fails() { # pattern, command ...
    pattern=$1
    shift
    code=0
    "$@" 2>err.txt >/dev/null || code=$?
    [ $code = 2 ] && grep -q -- "$pattern" err.txt || { echo "exit $code"; cat err.txt; exit 1; }
    [ ! -e out ] || { echo "left an output"; exit 1; }
}

fails 'no end-of-document token' tokenize none.json
fails 'neither a token nor an id' tokenize none.json --end '<<no>>'
fails 'neither a token nor an id' tokenize none.json --end 258
tokenize none.json --end '<<go>>' | grep -q 'documents end with <<go>> (id 257'
end_is 257 '<<go>>'
tokenize none.json --end 256 >/dev/null
end_is 256 '<<stop>>'
tokenize usual.json >/dev/null
end_is 256 '</s>'
tokenize post.json >/dev/null
end_is 257 '<<stop>>'

# tokenizer_config.json beside the file comes first, and what it says stays with the tokenizer that is saved.
mkdir model again
cp post.json model/tokenizer.json
echo '{"eos_token": {"content": "</s>", "lstrip": false}}' >model/tokenizer_config.json
tokenize model >/dev/null
cp out/tokenizer.json again/
end_is 256 '</s>'
tokenize again >/dev/null
end_is 256 '</s>'
echo '{"eos_token": "<absent>"}' >model/tokenizer_config.json
fails "eos_token '<absent>'" tokenize model

# Token files: the size of the vocabulary and an end are enough; text needs more.
tokenize usual.json e=e.jsonl e:valid=v.jsonl >/dev/null
mv out made
"$command" tokenize d=made/d.train d:valid=made/d.valid --vocab 258 --end 256 -o out --quiet >/dev/null
cmp made/d.train.bin out/d.train.bin
grep -q '"bytes_per_token": null' out/report.json
rm -rf out
fails 'token 2[0-9]*, but the tokenizer has 200' "$command" tokenize d=made/d.train d:valid=made/d.valid --vocab 200 --end 1 -o out
fails 'text needs a tokenizer' "$command" tokenize d=d.jsonl d:valid=v.jsonl --vocab 258 --end 256 -o out
cat >study.yaml <<'Y'
study: ids
domains:
  - {name: d, train: made/d.train, valid: made/d.valid}
  - {name: e, train: made/e.train, valid: made/e.valid}
tokenizer: {vocab: 258, end: 256}
model: {arch: gpt2, layers: 1, heads: 1, width: 16, context: 8}
scales: [1e3]
target: {tokens: 2e3}
Y
"$command" tokenize study.yaml -o out --quiet >/dev/null || { "$command" tokenize study.yaml -o out; exit 1; }
grep -q '"vocab": 258' out/report.json
rm -rf out
sed 's/, end: 256//' study.yaml >wrong.yaml
fails 'vocab: N, end: ID' "$command" tokenize wrong.yaml -o out
sed 's/tokenizer: .*/tokenizer: {path: none.json, end: "<<go>>", vocab: 3}/' study.yaml >wrong.yaml
fails 'not both' "$command" tokenize wrong.yaml -o out
