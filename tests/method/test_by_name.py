"""The registry, and `explain`, the one line."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.models import MODELS


def test_explain_is_the_method_in_one_line() -> None:
    tiny = MODELS["softmax_head"]()
    by_name = ks.explain(tiny.model, tiny.images, "grad_cam")
    for other in (
        ks.GradCAM()(tiny.model, tiny.images),
        ks.explain(ks.Probe(tiny.model), tiny.images, ks.GradCAM()),
        ks.explain(tiny.model, tiny.images, "grad_cam", layer="conv2"),
    ):
        np.testing.assert_array_equal(other.values, by_name.values)
    signed = ks.explain(tiny.model, tiny.images, "grad_cam", target=1, relu=False)
    assert signed.signed
    assert signed.targets.tolist() == [1, 1, 1]


@pytest.mark.once
def test_the_registry_is_read_only() -> None:
    assert {"grad_cam": ks.GradCAM, "saliency": ks.Saliency}.items() <= ks.methods().items()
    with pytest.raises(TypeError):
        ks.methods()["mine"] = ks.GradCAM  # type: ignore[index]


@pytest.mark.once
def test_a_name_is_taken_once() -> None:
    with pytest.raises(ks.errors.ParameterError, match=r"'grad_cam' is registered by .*GradCAM"):

        @dataclass(frozen=True)
        class Other(ks.Saliency, name="grad_cam"):
            pass

    assert ks.methods()["grad_cam"] is ks.GradCAM


@pytest.mark.once
@pytest.mark.slow
def test_an_installed_package_brings_a_method(tmp_path: Path) -> None:
    (tmp_path / "glow.py").write_text(
        textwrap.dedent("""
        from dataclasses import dataclass
        import kerascope as ks

        @dataclass(frozen=True)
        class Glow(ks.Saliency, name="glow"):
            def combine(self, image, gradient):
                return image * gradient
        """)
    )
    information = tmp_path / "glow-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: glow\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[kerascope.methods]\nglow = glow:Glow\nbroken = nowhere:Nothing\nother = glow:Glow\n"
    )
    program = textwrap.dedent(f"""
        import sys, warnings
        sys.path.insert(0, {str(tmp_path)!r})
        import kerascope as ks
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", ks.errors.KerascopeWarning)
            print(sorted(ks.methods()))
        for one in caught:
            print(one.message)
        print(caught[0].filename)
        tiny = ks.testing.MODELS["functional"]()
        print(ks.explain(tiny.model, tiny.images, "glow", target=1).method)
    """)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = ran.stdout.splitlines()
    assert "'glow'" in lines[0]
    assert "'broken'" not in lines[0]
    assert "'broken'" in lines[1]
    assert "ModuleNotFoundError" in lines[1]
    assert "'other'" in lines[2]
    assert lines[3:] == ["<string>", "Glow()"]
