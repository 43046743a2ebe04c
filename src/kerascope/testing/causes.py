"""Which checks can fail for what reason, and so for which methods a suite has to run them.

A check whose cause is the probe fails for all methods that ask the probe alike, or for none: one method for
each way of asking is enough. `kerascope.testing.check_method` runs all checks, whatever their cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

CheckCause = Literal["method", "backend", "probe"]

_CHECKS: Mapping[CheckCause, str] = {
    # The method's own arithmetic, parameters and documentation.
    "method": """
        bad_parameters batch choices_are_made_once completeness cost depends_on_the_target
        depends_on_the_weights deterministic documented dummy_channel example_runs flat_maps_are_named
        flattened_heads_are_named identities is_a_value leaves_random_state_alone leaves_the_input_alone
        mixed_precision oracle other_heads planted_evidence predicted_class rank registered several_classes
        shape traces
    """,
    # That arithmetic as a backend does it.
    "backend": "golden",
    # What the probe, targets and explanations do for every method.
    "probe": """
        bad_targets batch_of_one compiled_is_eager concurrent contrasts_and_units grey_pictures heads heatmaps
        hidden_head inference_mode inside_a_loop integer_images layer_paths layout leaves_the_model_alone
        leaves_the_model_alone_on_errors merges new_weights no_spatial_extent obstacles outputs_of_every_kind
        provenance saves_and_loads sequences several_inputs several_outputs shared_layers sizes target_forms
        tokens topology traces_of_a_bare_model
    """,
}

CAUSES: Mapping[str, CheckCause] = MappingProxyType(
    {name: cause for cause, names in _CHECKS.items() for name in names.split()}
)
"""The cause of each check, by the check's name."""

WAYS: Mapping[str, str] = MappingProxyType(
    {
        "activations of a layer": "eigen_cam",
        "gradients of a layer": "grad_cam",
        "curvature at a layer": "shapley_cam",
        "a linear head": "cam",
        "another target": "finer_cam",
        "gradients of the image": "saliency",
        "gradients by a rule": "guided_backprop",
        "gradients of the image and of a layer": "guided_grad_cam",
        "gradients of biases": "full_grad",
        "images of its own making, one after the other": "integrated_gradients",
        "masks on the image": "rise",
        "segments of the image": "lime",
        "channels of a layer removed": "ablation_cam",
        "a method inside": "smooth_grad",
        "no question at all": "edge_map",
    }
)
"""One method for each way of asking a probe, by its name."""
