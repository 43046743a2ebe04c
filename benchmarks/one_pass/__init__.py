"""A leaderboard of maps that one pass can give, and of integrated gradients beside them."""
