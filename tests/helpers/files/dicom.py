"""DICOM files made by code, with the name of a patient wherever a text can stand."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pydicom
from pydicom.datadict import DicomDictionary, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

CANARY = "CANARY"
"""The patient."""
_TEXTS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_NUMBERS = frozenset({"AS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})


def scan(
    values: np.ndarray[Any, Any], kind: str = "MONOCHROME2", syntax: UID = ExplicitVRLittleEndian, **head: Any
) -> Dataset:
    """A picture, (H, W), (H, W, 3), or frames (N, H, W) of `NumberOfFrames`.

    Args:
        values: of the pixels, whole numbers.
        kind: the photometric interpretation.
        syntax: of the transfer.
        **head: further elements by keyword, or others for those that are set here.
    """
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = syntax
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID = "1.2.3"
    frames = int(head.get("NumberOfFrames", 0)) > 0
    height, width = values.shape[frames : frames + 2]
    found.Rows, found.Columns = height, width
    found.SamplesPerPixel = 3 if values.ndim == 3 + frames else 1
    if found.SamplesPerPixel == 3:
        found.PlanarConfiguration = 0
    found.PhotometricInterpretation = kind
    bits = 8 * values.dtype.itemsize
    found.BitsAllocated, found.BitsStored, found.HighBit = bits, bits, bits - 1
    found.PixelRepresentation = int(values.dtype.kind == "i")
    found.PixelData = values.tobytes()
    for name, value in head.items():
        setattr(found, name, value)
    return found


def written(found: Dataset) -> bytes:
    """The file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        syntax = found.file_meta.TransferSyntaxUID
        found.save_as(
            file,
            enforce_file_format=False,
            implicit_vr=syntax.is_implicit_VR,
            little_endian=syntax.is_little_endian,
        )
    body = file.getvalue()
    return body if body[128:132] == b"DICM" else bytes(128) + b"DICM" + body


def of_a_patient(found: Dataset) -> Dataset:
    """The same with the patient in every text of the dictionary that is not set, and in a private one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag, (kind, _, _, retired, keyword) in DicomDictionary.items():
            if (
                not keyword
                or retired
                or tag >> 16 in (0x0000, 0x0002, 0x0028, 0x7FE0, 0xFFFE)
                or tag in found
            ):
                continue
            if kind in _TEXTS:
                setattr(found, keyword, CANARY)
            elif kind in _NUMBERS:
                _raw(found, tag, kind)
        for keyword in ("WindowCenterWidthExplanation", "RescaleType", "PresentationLUTShape"):
            _raw(found, tag_for_keyword(keyword) or 0, "LO")
        block = found.private_block(0x0011, CANARY, create=True)
        block.add_new(0x01, "LO", CANARY)
        inner = Dataset()
        inner.PatientName = CANARY
        found.OtherPatientIDsSequence = Sequence([inner])
    return found


def _raw(found: Dataset, tag: int, kind: str) -> None:
    """A value that is none of its kind, as damaged and careless files have it."""
    found[tag] = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(tag), kind, len(CANARY), CANARY.encode(), 0, False, True
    )
