"""Placing: where the cells of a layer look, by shapes where these leave no doubt, else by measuring."""
