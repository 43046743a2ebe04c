"""Helpers of keras-vis: everything is in `kerascope.vis.utils.utils`, as it was in `vis.utils.utils`."""
