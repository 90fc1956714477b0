# The harness' tasks on the rows of raw/; used by harness.py and harness_model.py.
import os
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

here = os.path.dirname(os.path.abspath(__file__))
NAMES = {"boolq": "boolq", "piqa": "piqa", "hellaswag": "hellaswag", "truthfulqa_mc1": "truthfulqa_mc1", "truthfulqa_mc2": "truthfulqa_mc2",
         "pubmedqa": "pubmedqa", "crows_pairs": "crows_pairs_english", "asdiv": "asdiv", "lambada": "lambada_openai",
         "arc_easy": "arc_easy", "arc_challenge": "arc_challenge", "openbookqa": "openbookqa", "sciq": "sciq", "copa": "copa",
         "winogrande": "winogrande", "blimp": "blimp_adjunct_island", "mmlu": "mmlu_anatomy_continuation"}
manager = TaskManager()
def yaml_of(harness):
    return load_yaml(manager.task_index[harness].yaml_path)

def load(name, harness, shots):
    spec = {**yaml_of(harness), "dataset_path": "json", "dataset_name": None,
            "dataset_kwargs": {"data_files": {"test": f"{here}/raw/{name.split('_mc')[0] if 'truthful' in name else name}.jsonl"}},
            "training_split": None, "validation_split": None, "test_split": "test", "fewshot_split": "test",
            "fewshot_config": {"sampler": "first_n"}, "num_fewshot": shots,
            "description": ""}  # MMLU's line about the subject: a primer in our files
    return spec
