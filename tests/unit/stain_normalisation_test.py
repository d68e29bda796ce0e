"""Stain normalisation against Macenko's paper and Reinhard's in numpy, on images with truth.

Needs TILEPOOL_BIN_DIR (where kernels_driver is); images come from TILEPOOL_TEST_DATA (default:
../shared/data beside the source), without which those tests are skipped.
"""
import os
import pathlib
import subprocess

import pytest

np = pytest.importorskip("numpy")
io = pytest.importorskip("skimage.io")

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRIVER = pathlib.Path(os.environ.get("TILEPOOL_BIN_DIR", ROOT / "build/dev/bin")) / "kernels_driver"
DATA = pathlib.Path(os.environ.get("TILEPOOL_TEST_DATA", ROOT.parent / "shared/data")) / "segmentation"
BETA = 0.15
HE_REF = np.array([[0.5626, 0.2159], [0.7201, 0.8012], [0.4062, 0.5581]])
MAX_C_REF = np.array([1.9705, 1.0308])

if not DRIVER.exists():
    pytest.skip(f"no {DRIVER}; set TILEPOOL_BIN_DIR", allow_module_level=True)


def truth_images():
    """The bright-field images of the data's folders, without their masks."""
    found = sorted(DATA.glob("monuseg/*.tif")) + sorted(DATA.glob("consep/*_images.*"))
    found += [p for p in sorted(DATA.glob("bone_marrow_graz/*.png")) if "centres" not in p.name]
    found += [p for p in sorted(DATA.glob("deepliif_ihc/*.png")) if "truth" not in p.name]
    return found


def normalise(method, image):
    """The normalised image, or the reason why there is none."""
    height, width = image.shape[:2]
    done = subprocess.run([DRIVER, method, str(width), str(height)],
                          input=np.ascontiguousarray(image).tobytes(), capture_output=True)
    if done.returncode != 0:
        return done.stderr.decode()
    return np.frombuffer(done.stdout, np.uint8).reshape(image.shape)


def macenko_vectors(density):
    """[3][2], the stain that absorbs more red first; density is [n][3]."""
    strong = density[(density > BETA).all(axis=1)]
    _, vectors = np.linalg.eigh(np.cov(strong.T))
    plane = vectors[:, [2, 1]]
    plane = plane * np.sign(plane.sum(axis=0))
    angles = np.arctan2(*(strong @ plane).T[::-1])
    ends = [plane @ [np.cos(phi), np.sin(phi)] for phi in np.percentile(angles, [1, 99])]
    return np.stack(sorted(ends, key=lambda v: -v[0]), axis=1)


def macenko(image):
    density = -np.log((image.reshape(-1, 3).astype(float) + 1) / 256)
    stains = macenko_vectors(density)
    amounts = np.linalg.lstsq(stains, density.T, rcond=None)[0]
    tissue = (density > BETA).any(axis=1)
    most = np.percentile(amounts[:, tissue], 99, axis=1)
    amounts *= (MAX_C_REF / most)[:, None]
    return np.clip(256 * np.exp(-(HE_REF @ amounts)) - 1, 0, 255).T.reshape(image.shape)


def reinhard(image):
    to_lms = np.array([[.3811, .5783, .0402], [.1967, .7244, .0782], [.0241, .1288, .8444]])
    to_lab = np.diag(1 / np.sqrt([3, 6, 2])) @ [[1, 1, 1], [1, 1, -2], [1, -1, 0]]
    rgb = (image.reshape(-1, 3).astype(float) + 1) / 256
    lab = np.log(rgb @ to_lms.T) @ to_lab.T
    is_tissue = (-np.log(rgb) > BETA).any(axis=1)
    tissue = lab[is_tissue]
    mean = np.array([8.74108109 - np.sqrt(3) * np.log(256), -0.12440419, 0.0444982])
    lab = (lab - tissue.mean(0)) / tissue.std(0) * [0.6135447, 0.10989545, 0.0286032] + mean
    lms = np.clip(np.exp(lab @ np.linalg.inv(to_lab).T), 2.0**-14, 16)
    mapped = np.clip(256 * (lms @ np.linalg.inv(to_lms).T) - 1, 0, 255)
    return np.where(is_tissue[:, None], mapped, 256 * rgb - 1).reshape(image.shape)


def painted(rng, shape, stains, most):
    """Random amounts of the stains, [3][n] vectors, as pixels."""
    amounts = rng.random((*shape, len(most))) * most
    return np.clip(np.round(256 * np.exp(-amounts @ np.transpose(stains)) - 1), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("method,formula,levels", [("macenko", macenko, 1), ("reinhard", reinhard, 2)])
def test_painted_stains_are_normalised_as_by_numpy(method, formula, levels):
    rng = np.random.default_rng(3)
    image = painted(rng, (300, 400), np.array([[0.65, 0.27], [0.70, 0.90], [0.29, 0.34]]), [1.8, 1.2])
    image[:60] = 255
    got = normalise(method, image)
    assert np.abs(got - np.round(formula(image))).max() <= levels
    assert (got[:60] == 255).all()


@pytest.mark.parametrize("method,formula,levels", [("macenko", macenko, 1), ("reinhard", reinhard, 2)])
def test_images_with_truth_are_normalised_as_by_numpy(method, formula, levels):
    images = truth_images()
    if not images:
        pytest.skip(f"no images in {DATA}")
    differences = {}
    for path in images:
        image = io.imread(path)[..., :3]
        got = normalise(method, image)
        assert not isinstance(got, str), f"{path.name}: {got}"
        differences[path.name] = np.abs(got - np.round(formula(image))).max()
    assert max(differences.values()) <= levels, differences


@pytest.mark.parametrize("method", ["macenko", "reinhard"])
def test_a_blank_image_is_refused_with_the_reason(method):
    assert "0 tissue pixels" in normalise(method, np.full((200, 200, 3), 243, np.uint8))


@pytest.mark.parametrize("noise", [0, 1, 3])
def test_an_image_of_one_stain_is_refused_with_the_reason(noise):
    rng = np.random.default_rng(5)
    image = painted(rng, (300, 300), np.array([[0.65], [0.70], [0.29]]), [1.8])
    image = np.clip(image + np.round(rng.normal(0, noise, image.shape)), 0, 255).astype(np.uint8)
    assert "one stain only" in normalise("macenko", image)
