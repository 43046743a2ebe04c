"""Data sets: images found, decoded and preprocessed, whole folders explained, results read.

    labels/          labels of images, columns of labels
    decoding/        photographs from bytes; formats.py is the table of formats
    reading/         images of files, folders, lists, tables, archives and stores as one stream
    classes/         names of the classes, matched to labels and targets
    preparing/       from a photograph to the image that a model takes, and how this is detected
    writing/         the folder of results
    running/         a run over all images, in threads or on a Ray cluster
    run.py           `explain_dataset`; options.py: its options; results.py: its results read again
    folder_arrays.py some photographs as arrays; mosaic.py: four of them in one

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
