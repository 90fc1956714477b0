"""Items as Hugging Face's data sets hold them, in Parquet: lists of strings in a group (ARC), a list of strings
(HellaSwag). Needs pyarrow.  make_parquet.py  writes arc.parquet and hellaswag.parquet beside itself."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

here = Path(__file__).parent
text, texts = pa.string(), pa.list_(pa.string())
arc = pa.schema({"id": text, "question": text, "choices": pa.struct({"text": texts, "label": texts}), "answerKey": text})
pq.write_table(pa.Table.from_pylist([
    {"id": "a1", "question": "Which of these melts first?", "choices": {"text": ["ice", "iron", "glass"], "label": ["A", "B", "C"]}, "answerKey": "A"},
    {"id": "a2", "question": "What does a clock show?", "choices": {"text": ["the rain", "the time"], "label": ["1", "2"]}, "answerKey": "2"},
], arc), here / "arc.parquet", compression="zstd")
hellaswag = pa.schema({"ind": pa.int32(), "activity_label": text, "ctx_a": text, "ctx_b": text, "ctx": text, "endings": texts, "label": text})
pq.write_table(pa.Table.from_pylist([
    {"ind": 4, "activity_label": "Baking", "ctx_a": "A man opens the oven.", "ctx_b": "he", "ctx": "A man opens the oven. he",
     "endings": ["takes the bread out.", "swims away."], "label": "0"},
], hellaswag), here / "hellaswag.parquet", compression="snappy")

# GLUE as Hugging Face's copy has it: whole numbers for labels in its own order of classes, shards, -1 for no label.
glue = here / "glue"


def table(path, rows, schema):
    (glue / path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(schema)), glue / path, compression="snappy")


pair = lambda a, b, number: [(a, pa.string()), (b, pa.string()), ("label", number), ("idx", pa.int32())]
mnli = [("The cat sleeps.", "An animal rests.", 0), ("The cat sleeps.", "It is a tabby.", 1),
        ("The cat sleeps.", "No animal rests.", 2), ("Rain fell.", "Who knows?", -1)]
for k in range(2):
    table(f"mnli/validation_matched-0000{k}-of-00002.parquet",
          [{"premise": p, "hypothesis": h, "label": y, "idx": i} for i, (p, h, y) in enumerate(mnli[2 * k : 2 * k + 2])],
          pair("premise", "hypothesis", pa.int64()))
table("mrpc/train.parquet", [{"sentence1": "One, two.", "sentence2": "Two, one.", "label": 1, "idx": 0}],
      pair("sentence1", "sentence2", pa.int64()))
table("stsb/validation-00000-of-00001.parquet",
      [{"sentence1": "A dog.", "sentence2": "A hound.", "label": 4.25, "idx": 0}],
      pair("sentence1", "sentence2", pa.float32()))
table("squad/validation-00000-of-00001.parquet",
      [{"id": "q1", "title": "T", "context": "It rained in May.", "question": "When?",
        "answers": {"text": ["May"], "answer_start": [13]}}],
      [("id", text), ("title", text), ("context", text), ("question", text),
       ("answers", pa.struct({"text": texts, "answer_start": pa.list_(pa.int32())}))])
