"""Pixels of the largest image that a metric scores within 3 GB of memory."""

LIMIT = 3_000_000_000
# Bytes for Python, JAX and the compiled metric themselves.
_START = 400_000_000
# By metric: bytes on a CPU per pixel of the image, for the image, the reference and everything
# computed from both: XLA's analysis of the program compiled for 100 million pixels (jaxlib 0.10.2)
# plus the images twice; of niqe, ilniqe and brisque the resident memory of `jiqa score`.
_BYTES = {
    "psnr": 16,
    "psnry": 16,
    "psnry.pyiqa": 16,
    "ssim": 24,
    "gmsd": 22,
    "fsim": 44,
    "fsimc": 61,
    "piqe": 31,
    "ilniqe": 36,
    "ms_ssim": 50,
    "ms_ssim.pyiqa": 50,
    "brisque": 58,
    "vsi": 63,
    "vsi.piq": 63,
    "nlpd": 72,
    "nlpd.pyiqa": 72,
    "niqe": 78,
    "vifp": 79,
    "ssim.skimage": 108,
    "vif": 256,
    "mad": 1010,
    "lpips.vgg": 1200,
}
_UNKNOWN = 256


def bytes_of_pixel(metric: str) -> int:
    """Approximate bytes that a metric needs per pixel; 256 for a metric that was not measured."""
    return _BYTES.get(metric, _UNKNOWN)


def most_pixels(metric: str) -> int:
    """Pixels of the largest image that a metric scores within `LIMIT` bytes."""
    return (LIMIT - _START) // bytes_of_pixel(metric)
