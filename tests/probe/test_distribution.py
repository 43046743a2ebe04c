"""A model that is spread over devices by `keras.distribution`: the same maps, and batches in equal parts."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "jax",
        reason="keras.distribution is JAX's (and one process knows one set of devices)",
    ),
]

PROGRAM = """
import keras, numpy as np
import kerascope as ks
from kerascope.probe.execute import engine, sharding

def network():
    return keras.Sequential([
        keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="silu"),
        keras.layers.BatchNormalization(), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3,
        activation="softmax")])

methods = [ks.GradCAM(), ks.Saliency(), ks.IntegratedGradients(steps=4), ks.RISE(masks=16), ks.EigenCAM(),
           ks.SmoothGrad(samples=3), ks.ScoreCAM()]
keras.utils.set_random_seed(1)
plain = network()
images = np.random.default_rng(0).random((11, 16, 16, 3)).astype("float32")
targets = (None, 2, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1], ks.Top(2))
wanted = {(one, str(target)): one(ks.Probe(plain), images, target) for one in methods for target in targets}

devices = keras.distribution.list_devices()
assert len(devices) == 4, devices
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
model = network()
model.set_weights(plain.get_weights())
before = [variable.value.sharding for variable in model.variables]
assert len(before[0].device_set) == 4
assert sharding.num_shards() == 4

parts = []
whole = sharding.shard
def shard(tensor):
    found = whole(tensor)
    parts.append((found.shape[0], len(found.sharding.device_set), found.sharding.is_fully_replicated))
    return found
engine.shard = shard

for batch_size in (32, 6):
    probe = ks.Probe(model, batch_size=batch_size)
    for one in methods:
        for target in targets:
            found = one(probe, images, target)
            np.testing.assert_allclose(found.values, wanted[one, str(target)].values, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(found.scores, wanted[one, str(target)].scores, rtol=1e-4, atol=1e-6)
    single = ks.GradCAM()(probe, images[:1])
    np.testing.assert_allclose(single.values, wanted[methods[0], "None"].values[:1], rtol=1e-4, atol=1e-6)
assert parts
assert all(rows % 4 == 0 and devices == 4 and not copied for rows, devices, copied in parts), set(parts)
assert [variable.value.sharding for variable in model.variables] == before
print("same")
"""


def test_a_data_parallel_model_gives_the_same() -> None:
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "same"
