"""Metrics written again from their papers, in explicit loops over NumPy float64 numbers.

Nothing here uses Keras or kerascope. An oracle is a function `(seen) -> float` that takes what is known of one
image and its map, see `Seen`, and gives the value of this image, NaN where it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kerascope.testing.oracles.metrics import (
    axioms,
    complexity,
    curves,
    drop,
    focus,
    localisation,
    randomisation,
    road,
    robustness,
    subset,
)
from kerascope.testing.oracles.metrics.seen import Network, Seen

__all__ = ["METRIC_ORACLES", "MetricOracle", "Network", "Seen"]

MetricOracle = Callable[[Seen], float]
METRIC_ORACLES: Mapping[str, MetricOracle] = {
    "adcc": drop.adcc,
    "average_drop": drop.average_drop,
    "average_sensitivity": robustness.average_sensitivity,
    "box": localisation.box,
    "completeness_gap": axioms.completeness_gap,
    "complexity": complexity.complexity,
    "deletion": curves.deletion,
    "efficient_randomisation": randomisation.efficient_randomisation,
    "energy_pointing_game": localisation.energy_pointing_game,
    "faithfulness_correlation": subset.faithfulness_correlation,
    "focus": focus.focus,
    "gain": drop.gain,
    "increase": drop.increase,
    "infidelity": subset.infidelity,
    "insertion": curves.insertion,
    "iou": localisation.iou,
    "irof": curves.irof,
    "local_lipschitz": robustness.local_lipschitz,
    "max_sensitivity": robustness.max_sensitivity,
    "mean_attribution": complexity.mean_attribution,
    "mu_fidelity": subset.mu_fidelity,
    "non_sensitivity": axioms.non_sensitivity,
    "normalised_infidelity": subset.normalised_infidelity,
    "pointing_game": localisation.pointing_game,
    "pointing_game_15": localisation.pointing_game_15,
    "random_logit": randomisation.random_logit,
    "region_perturbation": curves.region_perturbation,
    "relevance_rank": localisation.relevance_rank,
    "road": road.road,
    "road_least": road.road_least,
    "road_most": road.road_most,
    "roc_auc": localisation.roc_auc,
    "sensitivity_n": subset.sensitivity_n,
    "sparseness": complexity.sparseness,
}
"""The oracle of each metric of kerascope, with the settings of `kerascope.testing.metrics.fast` where there are
such, else with its default parameters, by the metric's name."""
