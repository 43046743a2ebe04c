"""Data sets: what paths mean, pictures decoded and preprocessed, whole folders explained, results read.

    source.py         what paths mean; parts.py, listing.py, table.py, archive.py: kinds; item.py: an image
    pattern.py        what fits a pattern; cells.py: of a table; members.py: of an archive, to its true end
    guard.py          what foreign data make code raise is the fault of one image; readable.py: its name
    label.py          what a label is; columns.py, fields.py: where lists and tables have it; kinds.py: files
    naming.py         names of the classes, and whether labels and the target are among them
    photograph.py     a picture from the bytes of a file, whatever it holds; scan.py: of more than 8 bits
    preprocessing.py  conventions; detection.py: which one a model wants; frame.py: the way in and back
    explainer.py      from an image to its rows; options.py, prepared.py, labelled.py, overlays.py: its parts
    stream.py         shard after shard, read ahead and drawn behind
    run.py            `explain_dataset`: plan.py looks a run over, job.py does it
    store.py          the folder that it writes; schema.py: its table; beginning.py: may a run begin there
    removal.py        an earlier run removed, and nothing else; apart.py: no input is; signature.py, whole.py
    results.py        what a run has found
    cluster.py        the same on a Ray cluster
    folder.py         some labelled photographs as arrays; mosaic.py: four of them in one

pyarrow, Pillow and Ray are imported when they are needed, never before.
"""

from kerascope.dataset.folder_arrays import Folder, read_folder
from kerascope.dataset.mosaic import Mosaics, mosaics
from kerascope.dataset.preparing.frame import Frame
from kerascope.dataset.preparing.preprocessing import CONVENTIONS, Preprocessing, as_preprocessing
from kerascope.dataset.reading.source import Source, find_images
from kerascope.dataset.results import Results, heatmap, open_results
from kerascope.dataset.run import explain_dataset
from kerascope.dataset.running.cluster import Cluster

__all__ = [
    "CONVENTIONS",
    "Cluster",
    "Folder",
    "Frame",
    "Mosaics",
    "Preprocessing",
    "Results",
    "Source",
    "as_preprocessing",
    "explain_dataset",
    "find_images",
    "heatmap",
    "mosaics",
    "open_results",
    "read_folder",
]
