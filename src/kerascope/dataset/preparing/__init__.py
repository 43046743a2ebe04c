"""From photographs to a model's images: preprocessing, its detection, and how photographs are fitted."""
