"""kerascope shows what a Keras 3 vision model looks at, and how far that picture can be trusted.

    import kerascope as ks

    result = ks.explain(model, images)               # of the predicted classes
    result.plot()

See `Probe` for asking often, `methods` for what there is, and `kerascope.target` for what can be explained.
"""

from kerascope.registry import attach_stub

__version__ = "0.1.0.dev0"

# Nothing is imported before it is used, so that `import kerascope` costs next to nothing.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
