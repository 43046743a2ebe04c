"""What is stored of each image: relevance, features, traits, a thumbnail."""
