import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jiqa import images
from jiqa.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 37, 3), np.uint8)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_rgb16(pixels):
    """A PNG of 16 bits a channel, which Pillow does not write; uint16 [h, w, 3]."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    height, width = pixels.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_their_pixels(kind):
    data = encoded(Image.fromarray(PIXELS), kind)
    np.testing.assert_array_equal(images.decode(data), PIXELS)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_jpeg_is_decoded_as_pillow_does(mode, subsampling):
    options = {} if mode == "L" else {"subsampling": subsampling}
    data = encoded(Image.fromarray(PIXELS).convert(mode), "JPEG", quality=60, **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(images.decode(data), expected)


def test_grey_is_repeated():
    grey = PIXELS[..., 0]
    decoded = images.decode(encoded(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(decoded, np.stack([grey] * 3, axis=-1))


def test_palette_is_applied():
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 128, 0, 7, 8, 9])
    red, green, other = [255, 0, 0], [0, 128, 0], [7, 8, 9]
    assert images.decode(encoded(image, "PNG")).tolist() == [[red, green], [other, red]]


def test_alpha_is_dropped():
    alpha = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)])
    np.testing.assert_array_equal(images.decode(encoded(Image.fromarray(alpha), "PNG")), PIXELS)


def test_sixteen_bits_become_the_nearest_eight():
    values = np.array([[0, 255, 128], [32767, 32768, 65535]], np.uint16)
    nearest = [[0, 1, 0], [127, 128, 255]]  # x / 257
    grey = images.decode(encoded(Image.fromarray(values), "PNG"))
    colour = images.decode(png_rgb16(np.stack([values, values // 2, values], axis=-1)))
    assert grey.dtype == colour.dtype == np.uint8
    assert grey[..., 0].tolist() == grey[..., 2].tolist() == nearest
    assert colour[..., 0].tolist() == colour[..., 2].tolist() == nearest


def test_exif_orientation_is_left_alone():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(PIXELS), "JPEG", exif=exif)
    assert images.decode(data).shape == PIXELS.shape


def test_harmless_bytes_inside_a_jpeg_are_no_error():
    data = encoded(Image.fromarray(PIXELS), "JPEG")
    first_segment = data.index(b"\xff\xdb")
    padded = data[:first_segment] + b"\0\0\0" + data[first_segment:]
    np.testing.assert_array_equal(images.decode(padded), images.decode(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_image_is_named(kind, share):
    data = encoded(Image.fromarray(PIXELS), kind)
    with pytest.raises(InputError, match=r"^photo 7: .*expected a whole image$") as error:
        images.decode(data[: int(len(data) * share)], "photo 7")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "0 bytes of no known format"),
        (b"GIF? no, a text", "15 bytes of no known format"),
        (
            encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"),
            "floating-point samples of no stated range",
        ),
    ],
)
def test_what_is_no_image_is_named(data, found):
    with pytest.raises(InputError, match=f"^photo 7: {found}, expected"):
        images.decode(data, "photo 7")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_size_is_height_and_width(kind):
    assert images.size(encoded(Image.fromarray(PIXELS), kind)) == (24, 37)


def test_size_of_no_image_is_named():
    with pytest.raises(InputError, match="photo 7"):
        images.size(b"text", "photo 7")
