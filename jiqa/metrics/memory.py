"""Pixels of the largest image that a metric scores within 3 GB of memory."""

LIMIT = 3_000_000_000
# Python, JAX and the metric's program themselves.
_START = 400_000_000
# By metric: bytes for each pixel of the image, the reference and all that is made of both, on a
# CPU: what XLA says of the compiled program (jaxlib 0.10.2), and 6 for each image. The resident
# memory of psnry, ssim, ssim.matlab, fsim, fsimc, vsi, nlpd and piqe at 36 or 64 million pixels
# agrees to a tenth; ilniqe's is that of `jiqa score` at 100 million.
_BYTES = {
    "psnr": 16,
    "psnry": 16,
    "psnry.pyiqa": 16,
    "ssim": 24,
    "gmsd": 22,
    "gmsd.piq": 22,
    "gmsd.pyiqa": 22,
    "piqe": 31,
    "ilniqe": 36,
    "fsim": 45,
    "ms_ssim": 50,
    "ms_ssim.pyiqa": 50,
    "brisque": 58,
    "fsimc": 61,
    "ssim.matlab": 61,
    "niqe": 78,
    "vifp": 79,
    "vifp.piq": 79,
    "nlpd": 94,
    "nlpd.pyiqa": 94,
    "vsi": 94,
    "vsi.piq": 94,
    "ssim.skimage": 108,
    "lpips": 120,
    "vif": 256,
    "vif.pyiqa": 256,
    "mad": 1010,
    "lpips.vgg": 1700,
}
_UNKNOWN = 256


def bytes_of_pixel(metric: str) -> int:
    """Bytes that the metric of this name takes for each pixel, about; 256 where it is not known."""
    return _BYTES.get(metric, _UNKNOWN)


def most_pixels(metric: str) -> int:
    """Pixels of the largest image that the metric of this name scores within `LIMIT`."""
    return (LIMIT - _START) // bytes_of_pixel(metric)
