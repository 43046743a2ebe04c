"""The folder of a run: shards, overlays, manifest, lock; and what may be removed."""
