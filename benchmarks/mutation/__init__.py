"""How many mutations of the source the tests let live: draw once, then run each suite on the same mutations.

Mutations come from Cosmic Ray, lines from coverage.py. No test needs them: each has its own environment.

    python -m venv .venv-draw && .venv-draw/bin/pip install cosmic-ray==8.7.0
    python -m venv .venv-cover && .venv-cover/bin/pip install coverage==7.17.5
    .venv-draw/bin/python -m benchmarks.mutation draw drawn.json
    export KERAS_BACKEND=torch OMP_NUM_THREADS=1
    PYTHONPATH=$(echo .venv-cover/lib/python3*/site-packages) \
        .venv-test/bin/python -m benchmarks.mutation cover covered.json -m "not slow"
    .venv-test/bin/python -m benchmarks.mutation run drawn.json covered.json results.json --processes 2

`--suite` before `cover` or `run` names another checkout, whose source and tests are meant; a mutation finds
its line there again. `run` goes on where it was stopped. A mutation meets the tests that run its statement,
or where that runs on import those that run its class or file: first those of its room, the cheapest first,
until one fails. It has survived when all pass. What a cached fixture ran counts for the first test alone, so
read who survives.
"""
