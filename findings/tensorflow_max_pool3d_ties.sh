#!/usr/bin/env bash
# TensorFlow 2.21.0 on a CPU: where several values of a window tie for the largest, the gradient of
# `tf.nn.max_pool3d` depends on how it is run.
#
# Run eagerly, each of the values that tie is given the whole gradient, so that of a window of eight equal
# values eight times as much goes back as arrived. Compiled by XLA, the first of them is given all of it, as
# `tf.nn.max_pool2d` does however it is run. One would expect one slope of a function, or at least a
# subgradient, whose parts sum to 1. Ties are no rare case: behind a ReLU whole windows are zero.
#
# Seen, with Python 3.11 on x86-64 Linux:
#     3-D eager: 1 1 1 1 1 1 1 1
#     3-D XLA:   1 0 0 0 0 0 0 0
#     2-D eager: 1 0 0 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check tensorflow-cpu==2.21.0

cat > "$folder/slopes.py" <<'PYTHON'
import tensorflow as tf


def slope(pool, window):
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.reduce_sum(pool(x, window, window, "VALID"))
        return tape.gradient(score, x)

    return gradient


volume, picture = tf.ones((1, 2, 2, 2, 1)), tf.ones((1, 2, 2, 1))
seen = {
    "3-D eager": slope(tf.nn.max_pool3d, 2)(volume),
    "3-D XLA": tf.function(slope(tf.nn.max_pool3d, 2), jit_compile=True)(volume),
    "2-D eager": slope(tf.nn.max_pool2d, 2)(picture),
}
found = {name: " ".join(f"{value:g}" for value in part.numpy().ravel()) for name, part in seen.items()}
print(f"TensorFlow {tf.__version__}", *(f"{name}: {values}" for name, values in found.items()), sep="\n")
assert found == {
    "3-D eager": "1 1 1 1 1 1 1 1",
    "3-D XLA": "1 0 0 0 0 0 0 0",
    "2-D eager": "1 0 0 0",
}, "the behaviour has changed"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 "$folder/venv/bin/python" "$folder/slopes.py"
