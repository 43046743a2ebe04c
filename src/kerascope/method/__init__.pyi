"""The public names of methods that are no methods themselves, each with the module that it comes from."""

from kerascope.method.base import Method as Method
from kerascope.method.by_name import as_method as as_method
from kerascope.method.by_name import explain as explain
from kerascope.method.by_name import methods as methods
from kerascope.method.cam.base import ClassActivationMap as ClassActivationMap
from kerascope.method.cam.gradient_free.base import GradientFreeCAM as GradientFreeCAM
from kerascope.method.gradient.base import InputGradient as InputGradient
from kerascope.method.masks.base import PerturbationMethod as PerturbationMethod
from kerascope.method.segments.base import SegmentMethod as SegmentMethod
from kerascope.method.segments.grid import GridMethod as GridMethod
