"""Megatron's indexed dataset by its documented layout alone, with nothing of this project: the other side of a test.

  write PREFIX CODE DOCS.json   DOCS: a list of documents, each a list of sequences of ids; CODE 8 (uint16) or 4 (int32)
  read PREFIX                   prints the documents as JSON
"""
import json
import struct
import sys

FORMAT = {8: "H", 4: "i"}
HEADER = "<9sQBQQ"  # magic, version, type code, sequences, documents + 1


def write(prefix, code, documents):
    sequences = [s for d in documents for s in d]
    size = struct.calcsize(FORMAT[code])
    pointers, marks, at = [], [0], 0
    for s in sequences:
        pointers.append(at)
        at += size * len(s)
    for d in documents:
        marks.append(marks[-1] + len(d))
    with open(prefix + ".bin", "wb") as f:
        for s in sequences:
            f.write(struct.pack("<%d%s" % (len(s), FORMAT[code]), *s))
    with open(prefix + ".idx", "wb") as f:
        f.write(struct.pack(HEADER, b"MMIDIDX\0\0", 1, code, len(sequences), len(marks)))
        f.write(struct.pack("<%di" % len(sequences), *map(len, sequences)))
        f.write(struct.pack("<%dq" % len(sequences), *pointers))
        f.write(struct.pack("<%dq" % len(marks), *marks))


def read(prefix):
    index, data = open(prefix + ".idx", "rb").read(), open(prefix + ".bin", "rb").read()
    magic, version, code, n, m = struct.unpack_from(HEADER, index)
    assert magic == b"MMIDIDX\0\0" and version == 1, "not an index"
    at = struct.calcsize(HEADER)
    sizes = struct.unpack_from("<%di" % n, index, at)
    pointers = struct.unpack_from("<%dq" % n, index, at + 4 * n)
    marks = struct.unpack_from("<%dq" % m, index, at + 12 * n)
    assert len(index) == at + 12 * n + 8 * m, "bytes left over"
    sequences = [list(struct.unpack_from("<%d%s" % (k, FORMAT[code]), data, p)) for k, p in zip(sizes, pointers)]
    return [[t for s in sequences[a:b] for t in s] for a, b in zip(marks, marks[1:])]


if sys.argv[1] == "write":
    write(sys.argv[2], int(sys.argv[3]), json.load(open(sys.argv[4])))
else:
    print(json.dumps(read(sys.argv[2])))
