"""Helper functions of keras-vis, all in `kerascope.vis.utils.utils`."""
