"""The folder of results: shards, overlays, manifest, lock; resuming and removing a run."""
