"""Fields with outlined nuclei as slides: where every nucleus truly is, in a slide's own pixels.

A slide shows one field only, as often and turned as asked for. Cross-validation keeps slides
together, so the same nucleus never teaches and judges, however often it was pasted.
"""
import dataclasses
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage
from skimage import draw, io

GLASS = 243  # what composite-monuseg-6.tif has between its fields
GAP_PX = 128  # the least between two fields
# Much more glass than tissue, as on a slide: tissue is told from glass by Otsu's threshold, and a
# slide of a field alone has too little of it. Scanned at 4 um/px.
SLIDE_SHAPE = (4096, 8192)
TURNS = 8  # the square's: four rotations, each also mirrored
MIN_NUCLEUS_PX = 30  # size_thresh of the DeepLIIF truth: smaller specks are no nuclei


@dataclasses.dataclass
class Field:
    name: str
    rgb: np.ndarray  # [h][w][3] u8
    nuclei: np.ndarray  # [h][w] i32, 0 outside, else 1 + row of `positive`
    positive: np.ndarray  # of each nucleus; all True where the stain makes no difference


@dataclasses.dataclass
class TruthSlide:
    name: str
    path: Path
    nuclei: np.ndarray  # [h][w] i32, 0 outside, else 1 + row of `positive`
    positive: np.ndarray


def turned(image, turn):
    """One of the 8 ways to lay a square down."""
    image = np.rot90(image, turn % 4)
    return image[:, ::-1] if turn >= 4 else image


def outlines(xml, shape):
    """Nuclei of an ImageScope file, one Region each."""
    nuclei, count = np.zeros(shape, np.int32), 0
    for region in ElementTree.parse(xml).getroot().iter("Region"):
        ring = np.array([(float(v.get("Y")), float(v.get("X"))) for v in region.iter("Vertex")])
        if len(ring) < 3:
            continue
        count += 1
        nuclei[draw.polygon(ring[:, 0], ring[:, 1], shape)] = count
    return nuclei


def monuseg(data):
    """H&E of six organs, every nucleus outlined."""
    for path in sorted((data / "segmentation/monuseg").glob("*.tif")):
        rgb = io.imread(path)[..., :3]
        nuclei = renumbered(outlines(path.with_suffix(".xml"), rgb.shape[:2]))
        yield Field(path.stem[:12], rgb, nuclei, np.ones(nuclei.max(), bool))


def renumbered(nuclei):
    """The same nuclei, numbered 1.. without a gap: one that others cover wholly has no pixel."""
    numbers = np.unique(nuclei[nuclei > 0])
    table = np.zeros(nuclei.max() + 1, np.int32)
    table[numbers] = np.arange(1, len(numbers) + 1)
    return table[nuclei]


def coloured_truth(image):
    """DeepLIIF's picture of the truth: positive red, negative blue, a green outline round each."""
    nuclei, positive = np.zeros(image.shape[:2], np.int32), []
    for channel, is_positive in ((0, True), (2, False)):
        parts, n = ndimage.label(image[..., channel] > 128)
        sizes = np.bincount(parts.ravel(), minlength=n + 1)
        for part in np.flatnonzero(sizes[1:] > MIN_NUCLEUS_PX) + 1:
            positive.append(is_positive)
            nuclei[parts == part] = len(positive)
    # The outline belongs to the nucleus that it surrounds: each of its pixels to the nearest.
    distance, nearest = ndimage.distance_transform_edt(nuclei == 0, return_indices=True)
    outline = (image[..., 1] > 128) & (distance <= 3)
    nuclei[outline] = nuclei[tuple(nearest)][outline]
    return nuclei, np.array(positive)


def ki67(data):
    """Ki67 by DAB on haematoxylin, positive and negative nuclei outlined."""
    folder = data / "segmentation/deepliif_ihc"
    for path in sorted(folder.glob("*_truth.png")):
        name = path.stem.removesuffix("_truth")
        rgb = io.imread(folder / f"{name}.png")[..., :3]
        yield Field(name, rgb, *coloured_truth(io.imread(path)[..., :3]))
    for path in sorted(folder.glob("*_panel.png")):  # six squares: the first is IHC, the last truth
        panel = io.imread(path)[..., :3]
        edge = panel.shape[0]
        yield Field(path.stem.removesuffix("_panel"), panel[:, :edge],
                    *coloured_truth(panel[:, -edge:]))


def write_pyramid(path, rgb, mpp_um):
    """A tiled, lossless TIFF with halved levels and its pixel size in the resolution tags."""
    with tifffile.TiffWriter(path, bigtiff=False) as tiff:
        level = rgb
        while True:
            scale = 1e4 / (mpp_um * rgb.shape[1] / level.shape[1])
            tiff.write(level, tile=(256, 256), photometric="rgb", compression="zlib",
                       resolution=(scale, scale), resolutionunit="CENTIMETER", metadata=None,
                       subfiletype=0 if level is rgb else 1)
            if min(level.shape[:2]) < 512:
                return
            h, w = (edge // 2 * 2 for edge in level.shape[:2])
            halves = level[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).astype(np.uint16)
            level = ((halves.sum(axis=(1, 3)) + 2) // 4).astype(np.uint8)


def places(edge_px, copies):
    """Corners (y, x) of `copies` squares, spread evenly over the slide."""
    columns = min(copies, SLIDE_SHAPE[1] // (edge_px + GAP_PX))
    rows = -(-copies // columns)
    step_y, step_x = SLIDE_SHAPE[0] // rows, SLIDE_SHAPE[1] // columns
    assert min(step_y, step_x) >= edge_px + GAP_PX, f"{copies} fields of {edge_px} px do not fit"
    for copy in range(copies):
        yield (copy // columns * step_y + (step_y - edge_px) // 2,
               copy % columns * step_x + (step_x - edge_px) // 2)


def write_slide(folder, field, copies, mpp_um):
    """The field `copies` times, each next one turned, on an empty bright ground."""
    edge = len(field.nuclei)
    rgb = np.full((*SLIDE_SHAPE, 3), GLASS, np.uint8)
    nuclei = np.zeros(SLIDE_SHAPE, np.int32)
    for copy, (y, x) in enumerate(places(edge, copies)):
        part = turned(field.nuclei, copy % TURNS)
        place = (slice(y, y + edge), slice(x, x + edge))
        rgb[place] = turned(field.rgb, copy % TURNS)
        nuclei[place] = np.where(part > 0, part + copy * len(field.positive), 0)
    path = folder / f"{field.name}.tif"
    write_pyramid(path, rgb, mpp_um)
    return TruthSlide(field.name, path, nuclei, np.tile(field.positive, copies))
