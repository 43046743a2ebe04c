"""What holds of kerascope. A package, since some installed peers bring a package `tests` of their own."""
