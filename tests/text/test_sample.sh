#!/bin/sh
# domains[].sample: of a corpus that is larger than the search needs only a part is read, the same whatever the order
# and place of its files, and at no price for what is not used.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
mkdir -p big/a big/b
# 4 shards of JSON lines, 2 MB each, a line saying where it stands
for k in 1 2 3 4; do
    awk -v k=$k 'BEGIN {srand(k); for (i = 0; i < 9000; i++) {s = k "-" i; for (j = 0; j < 40; j++) s = s " " substr("etaoinshrdlucmfw", 1 + int(rand() * 12), 1 + int(rand() * 5)); printf "{\"text\": \"%s\"}\n", s}}' >big/$([ $k -lt 3 ] && echo a || echo b)/part-$k.jsonl
done
all=$(cat big/*/*.jsonl | wc -l)
sed 's|train: "books.*"|train: "big", available: 9e7, sample: 60e3|; s/, max_epochs: 8//' study.yaml >some.yaml
grep -q sample: some.yaml || fail "sed changed nothing"
field() { sed -n "/\"name\": \"books\"/,/}/s/.*\"$2\": \([0-9]*\).*/\1/p" "$1/report.json" | head -n 1; }
"$command" tokenize some.yaml -o one --quiet >/dev/null
read=$(field one documents_read); tokens=$(field one tokens)
[ "$read" -lt $((all / 4)) ] || fail "$read of $all documents were read"
[ "$tokens" -ge 50000 ] && [ "$tokens" -le 300000 ] || fail "a sample of 60k has $tokens training tokens"

# ---- whole lines, each once
[ "$(field one rejected)" = 0 ] && [ "$(field one duplicates)" = 0 ] || fail "lines were cut or read twice"

# ---- the same from another place, in another order of files; another sample of another size holds more
mkdir moved && cp -r big moved/big
sed 's|train: "big"|train: ["moved/big/b", "moved/big/a"]|' some.yaml >moved.yaml
"$command" tokenize moved.yaml -o two --quiet >/dev/null
[ "$(field two documents_read)" = "$read" ] && [ "$(field two tokens)" = "$tokens" ] || fail "another place, another sample"
sed 's/sample: 60e3/sample: 240e3/' some.yaml >more.yaml
"$command" tokenize more.yaml -o three --quiet >/dev/null
[ "$(field three documents_read)" -gt $((2 * read)) ] || fail "a larger sample of $(field three documents_read)"
"$command" tokenize some.yaml -o one --quiet >/dev/null
[ "$(field one documents_read)" = "$read" ] || fail "read again"

# ---- files that cannot be entered anywhere are read from their beginning
gzip -k big/a/part-1.jsonl big/b/part-3.jsonl && mkdir packed && mv big/a/*.gz big/b/*.gz packed/
sed 's|train: "big"|train: "packed"|; s/sample: 60e3/sample: 20e3/' some.yaml >packed.yaml
"$command" tokenize packed.yaml -o four --quiet >/dev/null
[ "$(field four documents_read)" -lt 9000 ] || fail "compressed shards: $(field four documents_read) documents"

# ---- auto: as many as the runs need; what exists has to be said; more than there is is all
sed 's/sample: 60e3/sample: auto/; s/^target:.*/target: {tokens: 9e6, validate: false}/' some.yaml >auto.yaml
"$command" tokenize auto.yaml -o five --quiet >/dev/null
tokens=$(field five tokens)
[ "$tokens" -ge 80000 ] && [ "$(field five documents_read)" -lt $((all / 2)) ] || fail "auto: $tokens tokens for pools of 80k"
sed 's/sample: 60e3/sample: 9e7/' some.yaml >whole.yaml
"$command" tokenize whole.yaml -o six --quiet >/dev/null
[ "$(field six documents_read)" = "$all" ] || fail "a sample larger than the text"
sed 's/, available: 9e7//' some.yaml >bad.yaml
expect 2 "sample: give available too" "$command" plan bad.yaml
