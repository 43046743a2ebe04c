"""Methods that are wrong in one way each, and the check of the contract that must find it."""

from __future__ import annotations

from pathlib import Path

import pytest

import kerascope as ks
from wrong_arithmetic import (
    AbsoluteGradient,
    CentredOverTheBatch,
    DetailOfSaliency,
    EnlargedByNearestNeighbour,
    ForgottenRectifier,
    GatedAtTheImage,
    GatedAtTheImageOnly,
    LargestWeights,
    MapOfTheGuidedGradient,
    MeanOfChannels,
    MirroredGradient,
    NormalisedOverTheBatch,
    PositiveWeights,
    ReducedChannels,
    RuleBehindTheLayer,
    ScaledGradients,
    SummedWeights,
    SwappedAxes,
    TimesInput,
    UnpooledWeights,
    UnrectifiedMap,
    WithoutAnyGate,
    WithoutTheBackwardGate,
    WithoutTheForwardGate,
    WithoutTheTarget,
    WithTheForwardGate,
)
from wrong_behaviour import (
    AddsTheBatchAxis,
    AlwaysClassZero,
    AlwaysTheLastConvolution,
    AsksTwice,
    ChangesWeights,
    CompilesAnew,
    DiffersWhenEager,
    DrawsFromTheGlobalGenerator,
    ExplainsProbabilities,
    FalseExample,
    FirstImageOnly,
    ForgetsItsLayer,
    ForgetsTheImages,
    HidesItsWarnings,
    KeepsWhatCannotBeSaved,
    LeavesAnAttribute,
    LeavesItAfterFailures,
    NeverRefuses,
    NotADataclass,
    Nothing,
    OneMapForAllClasses,
    ProbesAnew,
    RemembersTheFirstAnswer,
    RescalesIntegers,
    TheImageItself,
    UncheckedParameter,
    Undocumented,
    Unseeded,
    WritesToTheImages,
    WrongReduction,
)

WRONG = [
    (SummedWeights, "oracle"),
    (UnpooledWeights, "oracle"),
    (LargestWeights, "oracle"),
    (PositiveWeights, "oracle"),
    (ScaledGradients, "oracle"),
    (MeanOfChannels, "oracle"),
    (MeanOfChannels, "identities"),
    (MeanOfChannels, "golden"),
    (SwappedAxes, "shape"),
    (ForgottenRectifier, "shape"),
    (NormalisedOverTheBatch, "batch"),
    (WithoutTheTarget, "depends_on_the_target"),
    (WithoutTheTarget, "planted_evidence"),
    (AbsoluteGradient, "oracle"),
    (TimesInput, "oracle"),
    (TimesInput, "identities"),
    (ReducedChannels, "shape"),
    (MirroredGradient, "oracle"),
    (MirroredGradient, "planted_evidence"),
    (WithoutTheForwardGate, "oracle"),
    (WithoutTheForwardGate, "identities"),
    (WithoutTheForwardGate, "golden"),
    (WithoutTheBackwardGate, "oracle"),
    (GatedAtTheImage, "oracle"),
    (GatedAtTheImageOnly, "oracle"),
    (WithTheForwardGate, "oracle"),
    (WithTheForwardGate, "golden"),
    (WithoutAnyGate, "oracle"),
    (UnrectifiedMap, "oracle"),
    (EnlargedByNearestNeighbour, "oracle"),
    (EnlargedByNearestNeighbour, "golden"),
    (MapOfTheGuidedGradient, "oracle"),
    (RuleBehindTheLayer, "oracle"),
    (DetailOfSaliency, "oracle"),
    (ChangesWeights, "leaves_the_model_alone"),
    (LeavesAnAttribute, "leaves_the_model_alone"),
    (LeavesItAfterFailures, "leaves_the_model_alone_on_errors"),
    (WritesToTheImages, "leaves_the_input_alone"),
    (DrawsFromTheGlobalGenerator, "leaves_random_state_alone"),
    (Unseeded, "deterministic"),
    (Unseeded, "dummy_channel"),
    (CompilesAnew, "traces"),
    (ProbesAnew, "traces_of_a_bare_model"),
    (RemembersTheFirstAnswer, "new_weights"),
    (RemembersTheFirstAnswer, "target_forms"),
    (AsksTwice, "cost"),
    (FirstImageOnly, "batch"),
    (WrongReduction, "heatmaps"),
    (HidesItsWarnings, "flat_maps_are_named"),
    (HidesItsWarnings, "hidden_head"),
    (ForgetsItsLayer, "provenance"),
    (ForgetsItsLayer, "topology"),
    (AlwaysTheLastConvolution, "merges"),
    (AlwaysTheLastConvolution, "no_spatial_extent"),
    (NotADataclass, "is_a_value"),
    (UncheckedParameter, "bad_parameters"),
    (Undocumented, "documented"),
    (FalseExample, "example_runs"),
    (SummedWeights, "registered"),
    (NeverRefuses, "bad_targets"),
    (NeverRefuses, "several_outputs"),
    (NeverRefuses, "inside_a_loop"),
    (NeverRefuses, "shared_layers"),
    (AddsTheBatchAxis, "batch_of_one"),
    (RescalesIntegers, "integer_images"),
    (DiffersWhenEager, "compiled_is_eager"),
    (TheImageItself, "depends_on_the_weights"),
    (Nothing, "obstacles"),
    (ExplainsProbabilities, "heads"),
    (AlwaysClassZero, "predicted_class"),
    (OneMapForAllClasses, "several_classes"),
    (ForgetsTheImages, "layout"),
    (ForgetsTheImages, "grey_pictures"),
    (KeepsWhatCannotBeSaved, "saves_and_loads"),
    (LeavesAnAttribute, "concurrent"),
    (WithoutTheTarget, "contrasts_and_units"),
    (CentredOverTheBatch, "inference_mode"),
    (CentredOverTheBatch, "sizes"),
    (ForgetsItsLayer, "layer_paths"),
    (ForgottenRectifier, "mixed_precision"),
    (ForgottenRectifier, "several_inputs"),
    (SwappedAxes, "rank"),
    (SwappedAxes, "sequences"),
    (SwappedAxes, "tokens"),
]


@pytest.mark.parametrize(("method", "check"), WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_method_is_rejected(method: type[ks.Method], check: str, golden: Path) -> None:
    oracle = ks.testing.oracles.ORACLES[method.name]
    known = {found.name: found for found in ks.testing.checks(method, oracle=oracle, golden=golden)}
    failure = "it passed"
    try:
        outcome = known[check]()
        if outcome.status == "skipped":
            pytest.skip(outcome.reason)
    except ks.testing.ContractError as error:
        failure = str(error)
    assert f"-{check}: " in failure


@pytest.mark.once
def test_every_check_has_been_seen_to_fail() -> None:
    applying = {check.name for method in ks.methods().values() for check in ks.testing.checks(method)}
    assert applying == {check for _, check in WRONG}
