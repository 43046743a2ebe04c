"""Interventions: what is exchanged between images, and what the model then predicts."""
