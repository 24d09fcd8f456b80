"""Distortion types, by family, in the order of the databases' releases.

Five numbers are the strengths of the levels. Two numbers are bounds: the strength is fitted to PSNR
33 30 27 24 21 dB for each image.
"""

from jax import random

from jiqa.data.distort import blur, codec, colour, geometry, noise, pocket
from jiqa.data.distort.kind import Host, Traced, Type

_JPEG, _JPEG2000 = Host(codec.jpeg), Host(codec.jpeg2000)

KADID10K = {
    "gaussian_blur": Type(
        Traced(blur.imgaussfilt),
        (0.1, 0.5, 1, 2, 5),
        "as published; borders mirrored; level 1 changes nothing",
    ),
    "lens_blur": Type(Traced(blur.lens), (1, 2, 4, 6, 8), "as published; borders mirrored"),
    "motion_blur": Type(
        Traced(blur.motion, random.uniform),
        (1, 2, 4, 6, 10),
        "published lengths; a finer line than MATLAB's, at a random angle",
    ),
    "color_diffusion": Type(
        Traced(colour.diffuse),
        (1, 3, 6, 8, 12),
        "published amounts; the deviation, 2 + 1.5 amount, is that of the authors' generator",
    ),
    "color_shift": Type(
        Traced(geometry.colour_shift, random.uniform),
        (1, 3, 6, 8, 12),
        "published shifts; the edge map is stretched by its range, not by percentiles",
    ),
    "color_quantization": Type(
        Traced(colour.quantize_colours),
        (64, 48, 32, 16, 8),
        "the authors' numbers of colours; palette by k-means, not by cutting boxes",
    ),
    "color_saturation_1": Type(
        Traced(colour.saturate_hsv), (0.4, 0.2, 0.1, 0, -0.4), "as published"
    ),
    "color_saturation_2": Type(
        Traced(colour.saturate_lab), (1, 2, 3, 6, 9), "as published; level 1 changes nothing"
    ),
    "jpeg2000": Type(
        _JPEG2000, (16, 32, 45, 120, 170), "published ratios; OpenJPEG instead of MATLAB"
    ),
    "jpeg": Type(_JPEG, (43, 36, 24, 7, 4), "published qualities; libjpeg"),
    "white_noise": Type(
        Traced(noise.white, random.normal), (0.001, 0.002, 0.003, 0.005, 0.01), "as published"
    ),
    "white_noise_ycbcr": Type(
        Traced(noise.white_ycbcr, random.normal),
        (0.0001, 0.0005, 0.001, 0.002, 0.003),
        "as published",
    ),
    "impulse_noise": Type(
        Traced(noise.impulse, random.uniform), (0.001, 0.005, 0.01, 0.02, 0.03), "as published"
    ),
    "multiplicative_noise": Type(
        Traced(noise.speckle, random.uniform), (0.001, 0.005, 0.01, 0.02, 0.05), "as published"
    ),
    "denoise": Type(
        Traced(geometry.denoised, random.normal),
        (0.002, 1.0),
        "fitted to PSNR; denoised by thresholded sliding DCTs instead of DnCNN",
    ),
    "brighten": Type(
        Traced(colour.brighten), (0.1, 0.2, 0.4, 0.7, 1.1), "published curves, as parabolas"
    ),
    "darken": Type(
        Traced(colour.darken), (0.05, 0.1, 0.2, 0.4, 0.8), "published curves, as parabolas"
    ),
    "mean_shift": Type(
        Traced(colour.shift), (0, 0.08, -0.08, 0.15, -0.15), "as published, in that order"
    ),
    "jitter": Type(
        Traced(geometry.jitter, random.normal),
        (0.05, 0.1, 0.2, 0.5, 1),
        "published amounts; one warp with the total deviation of the authors' five",
    ),
    "non_eccentricity_patch": Type(
        Traced(geometry.patches_16, random.uniform, places=True),
        (20, 40, 60, 80, 100),
        "as published; patches may reach the border",
    ),
    "pixelate": Type(Traced(geometry.pixelate), (0.01, 0.05, 0.1, 0.2, 0.5), "as published"),
    "quantization": Type(
        Traced(colour.quantize_otsu),
        (20, 16, 13, 10, 7),
        "published numbers of levels; each level is the mean of its samples",
    ),
    "color_block": Type(
        Traced(geometry.colour_blocks, random.uniform, places=True),
        (2, 4, 6, 8, 10),
        "as published",
    ),
    "high_sharpen": Type(
        Traced(colour.sharpen), (1, 2, 3, 6, 12), "published amounts; borders mirrored"
    ),
    "contrast_change": Type(
        Traced(colour.contrast_curve),
        (0, 0.15, -0.4, 0.3, -0.6),
        "published linear amounts, in that order; level 1 changes nothing",
    ),
}

_FITTED = "fitted to PSNR"

TID2013 = {
    "additive_gaussian_noise": Type(Traced(noise.gaussian, random.normal), (0.002, 1.0), _FITTED),
    "color_noise": Type(
        Traced(noise.coloured, random.normal),
        (0.002, 2.0),
        f"{_FITTED}; jiqa's choice: four times stronger in Cb and Cr than in Y",
    ),
    "spatially_correlated_noise": Type(
        Traced(noise.correlated, random.normal), (0.005, 3.0), f"{_FITTED}; a 3x3 mean of noise"
    ),
    "masked_noise": Type(
        Traced(noise.masked, random.normal),
        (0.01, 50.0),
        f"{_FITTED}; masked by the local deviation, not by the authors' model of the eye",
    ),
    "high_frequency_noise": Type(
        Traced(noise.high_frequency, random.normal),
        (0.002, 1.0),
        f"{_FITTED}; noise minus its 3x3 mean",
    ),
    "impulse_noise": Type(Traced(noise.impulse, random.uniform), (0.0001, 0.5), _FITTED),
    "quantization_noise": Type(
        Traced(colour.quantize), (2 / 255, 1.0), f"{_FITTED}; even steps in R, G and B"
    ),
    "gaussian_blur": Type(Traced(blur.imgaussfilt), (0.2, 50.0), _FITTED),
    "image_denoising": Type(
        Traced(geometry.denoised, random.normal),
        (0.002, 1.0),
        f"{_FITTED}; thresholded sliding DCTs over space and colour, as the authors'",
    ),
    "jpeg": Type(_JPEG, (98, 1), _FITTED),
    "jpeg2000": Type(_JPEG2000, (1.2, 2000), f"{_FITTED}; by OpenJPEG"),
    "jpeg_transmission_errors": Type(
        Host(codec.jpeg_errors, tries=8), (1, 1000), f"{_FITTED}; bytes of the stream replaced"
    ),
    "jpeg2000_transmission_errors": Type(
        Host(codec.jpeg2000_errors, tries=16), (1, 1000), f"{_FITTED}; bytes of the stream replaced"
    ),
    "non_eccentricity_pattern_noise": Type(
        Traced(geometry.patches_15, random.uniform, places=True),
        (1, geometry.PLACES),
        f"{_FITTED}; patches of 15x15, as in other simulations",
    ),
    "local_block_wise_distortions": Type(
        Traced(geometry.colour_blocks, random.uniform, places=True),
        (2, 4, 8, 16, 32),
        "blocks of 32x32 as in other simulations; the authors' are milder the more there are",
    ),
    "mean_shift": Type(
        Traced(colour.shift),
        (15 / 255, -15 / 255, 30 / 255, -30 / 255, 45 / 255),
        "as in other simulations, with alternating signs",
    ),
    "contrast_change": Type(
        Traced(colour.linear_contrast),
        (0.85, 1.2, 0.7, 1.4, 0.55),
        "as in other simulations, less and more in turn, as in the database's opinion scores",
    ),
    "color_saturation_change": Type(
        Traced(colour.saturate_hsv),
        (0.4, 0, -0.4, -0.8, -1.2),
        "as in other simulations; level 5, which they lack, continues the series",
    ),
    "multiplicative_gaussian_noise": Type(
        Traced(noise.multiplicative, random.normal), (0.002, 3.0), _FITTED
    ),
    "comfort_noise": Type(
        Host(codec.comfort), (1.2, 2000), f"{_FITTED}; JPEG 2000 replaces the authors' codec"
    ),
    "lossy_compression_of_noisy_images": Type(
        Host(codec.noisy_jpeg), (0.002, 0.5), f"{_FITTED}; JPEG replaces the authors' codec"
    ),
    "color_quantization_with_dither": Type(
        Traced(colour.quantize_colours),
        (64, 32, 16, 8, 4),
        "colours as in other simulations",
    ),
    "chromatic_aberrations": Type(
        Traced(geometry.aberration), (0.1, 50.0), f"{_FITTED}; red and blue shifted, not scaled"
    ),
    "sparse_sampling_and_reconstruction": Type(
        Traced(geometry.sparse_sampling, random.uniform),
        (0.99, 0.005),
        f"{_FITTED}; random pixels kept, the rest rebuilt by iterative thresholding of a DCT",
    ),
}

WATERLOO = {
    "gaussian_blur": Type(Traced(blur.windowed), (7, 15, 39, 91, 199), "as published"),
    "white_noise": Type(
        Traced(noise.white, random.normal),
        (2**-10, 2**-7.5, 2**-5.5, 2**-3.5, 1),
        "as published",
    ),
    "jpeg": Type(_JPEG, (43, 12, 7, 4, 0), "published qualities; libjpeg"),
    "jpeg2000": Type(_JPEG2000, (52, 150, 343, 600, 1200), "published ratios; by OpenJPEG"),
}

# jiqa's own strengths: over the photographs of `pocket`, the mean pseudo score of every type falls
# in about the same five steps, 0.96 0.88 0.79 0.67 0.57.
POCKET = {
    "gaussian_blur": Type(Host(pocket.gaussian_blur), (0.8, 1.3, 2, 3, 5), "our own"),
    "jpeg": Type(_JPEG, (30, 13, 8, 5, 3), "our own"),
    "jpeg2000": Type(_JPEG2000, (12, 32, 80, 200, 500), "our own"),
    "white_noise": Type(Host(pocket.white_noise), (0.001, 0.003, 0.008, 0.02, 0.05), "our own"),
    "impulse_noise": Type(Host(pocket.impulse_noise), (0.0005, 0.004, 0.014, 0.04, 0.1), "our own"),
}

FAMILIES: dict[str, dict[str, Type]] = {
    "kadid10k": KADID10K,
    "tid2013": TID2013,
    "waterloo": WATERLOO,
    "pocket": POCKET,
}
TYPES = {
    f"{family}/{name}": kind for family, kinds in FAMILIES.items() for name, kind in kinds.items()
}
