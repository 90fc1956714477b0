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
