"""What kerascope costs: time, memory, growth and imports, each measured in processes of its own."""
