"""Every model of keras-hub that sees is in the zoo, or it is said why not."""

from __future__ import annotations

import inspect
from types import ModuleType

import keras
import pytest

import tests.zoo.models  # noqa: F401 (which puts them into the registry)
from tests.zoo.specimen import SPECIMENS

pytestmark = pytest.mark.once

COVERED = {name for specimen in SPECIMENS.values() for name in specimen.covers}

READ_OR_WRITE_TEXT = """
Albert Bart Bert Bloom DebertaV3 DistilBert EdRec Electra ESM ESM2 FNet Falcon GPT2 GPTNeoX GptOss Gemma
Llama Llama3 Mistral Mixtral OPT Phi3 Qwen Qwen2 Qwen3 Qwen3Moe QwenMoe RWKV7 Roberta RoformerV2 SmolLM
SmolLM3 T5 T5Gemma XLMRoberta XLNet
"""
HEAR = "Moonshine Whisper Gemma4Audio"
MAKE_PICTURES = "Flux StableDiffusion3"
WRITE_OF_PICTURES = """
BLIP2 Gemma3 Gemma3n Gemma4 Gemma4Assistant PARSeq PaliGemma Qwen3_5 Qwen3_5Moe T5Gemma2
"""
"""Models that write text, of a picture among others: a token of the text is no score of the picture."""
LARGE = "BASNet SAM3PromptableConcept"
"""Nothing in their configuration makes them small enough for a test."""
KINDS = """
Backbone CausalLM Classifier DepthEstimator FeaturePyramidBackbone ImageClassifier ImageObjectDetector
ImageSegmenter ImageToImage Inpaint MaskedLM ObjectDetector Seq2SeqLM Task TextClassifier TextEmbedder
TextToImage
"""
"""What the models of one kind share."""
ENDINGS = """
Backbone CausalLM Seq2SeqLM MaskedLM MaskedPLM Classifier TextClassifier ProteinClassifier TextEmbedder
TextToImage ImageToImage Inpaint ImageSegmenter AudioToText AudioEncoder Encoder VisionEncoder QFormer
CustomOPT FlanT5
"""
LEFT_OUT = {
    *KINDS.split(),
    *(
        f"{family}{ending}"
        for family in f"{READ_OR_WRITE_TEXT} {HEAR} {MAKE_PICTURES} {WRITE_OF_PICTURES} {LARGE}".split()
        for ending in ENDINGS.split()
    ),
}


def models_of(module: ModuleType) -> set[str]:
    """The names of all classes of models in a module."""
    return {
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, keras.Model)
    }


def test_every_model_of_keras_hub_is_in_the_zoo_or_left_out_for_a_reason() -> None:
    models = pytest.importorskip("keras_hub.models", exc_type=ImportError)
    there = models_of(models)
    unknown = there - COVERED - LEFT_OUT
    assert not unknown, f"put these into tests/zoo/models, or say why not: {sorted(unknown)}"
    assert not COVERED - there, f"keras-hub has no such models any more: {sorted(COVERED - there)}"
    assert not COVERED & LEFT_OUT
