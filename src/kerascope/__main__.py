"""`python -m kerascope` is `kerascope`."""

from kerascope.cli import main

if __name__ == "__main__":
    main()
