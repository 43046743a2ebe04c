#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0 on a CPU: the gradient of `keras.ops.image.affine_transform` is not that
# of what it computes.
#
# The operation is linear in the images, so that <A x, y> = <x, A' y> for all x and y, where A' y is the
# gradient of <A x, y>. The gradient of TensorFlow's `ImageProjectiveTransformV3` is the inverse transform of
# y in the place of the transpose: of a turn another interpolation, of a zoom wrong by the square of the
# scale. `perspective_transform` and `interpolation="nearest"` go through the same operation. On JAX and
# PyTorch the two sides agree.
#
# Seen, with Python 3.11 on x86-64 Linux:
#     noise, turned: <A x, y> = -3.78, <x, A' y> = -3.33
#     a hill, zoomed in: <A x, y> = 19.37, <x, A' y> = 4.96
#     a hill, zoomed out: <A x, y> = 4.96, <x, A' y> = 19.37
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1

cat > "$folder/transposed.py" <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf

SIZE = 16
MIDDLE = (SIZE - 1) / 2


def about_the_middle(scale, angle):
    """The rows that `affine_transform` takes, for what lies at scale times p, turned, around the middle."""
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    across = MIDDLE - cosine * MIDDLE + sine * MIDDLE
    down = MIDDLE - sine * MIDDLE - cosine * MIDDLE
    return np.array([[cosine, -sine, across, sine, cosine, down, 0, 0]], "float32")


def sides(x, y, scale, angle):
    """<A x, y> and <x, A' y>."""
    x, y = (tf.constant(part[None, ..., None], "float32") for part in (x, y))
    with tf.GradientTape() as tape:
        tape.watch(x)
        seen = keras.ops.image.affine_transform(x, about_the_middle(scale, angle))
        product = tf.reduce_sum(seen * y)
    return float(product), float(tf.reduce_sum(x * tape.gradient(product, x)))


noise = np.random.RandomState(0).standard_normal((2, SIZE, SIZE))
place = np.arange(SIZE) - MIDDLE
hill = np.exp(-(place[:, None] ** 2 + place[None] ** 2) / 8)  # zero near the edges
found = [
    sides(*noise, scale=1, angle=0.3),
    sides(hill, hill, scale=0.5, angle=0),
    sides(hill, hill, scale=2, angle=0),
]
print(f"Keras {keras.__version__}, TensorFlow {tf.__version__}")
for name, (left, right) in zip(["noise, turned", "a hill, zoomed in", "a hill, zoomed out"], found):
    print(f"{name}: <A x, y> = {left:.2f}, <x, A' y> = {right:.2f}")
expected = [(-3.78, -3.33), (19.37, 4.96), (4.96, 19.37)]
assert np.allclose(found, expected, atol=0.02), "the behaviour has changed"
PYTHON
export KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3
CUDA_VISIBLE_DEVICES=-1 "$folder/venv/bin/python" "$folder/transposed.py"
