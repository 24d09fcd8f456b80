import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jiqa.data import pp
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
    np.testing.assert_array_equal(pp.decode(data), PIXELS)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_jpeg_is_decoded_as_pillow_does(mode, subsampling):
    options = {} if mode == "L" else {"subsampling": subsampling}
    data = encoded(Image.fromarray(PIXELS).convert(mode), "JPEG", quality=60, **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(pp.decode(data), expected)


def test_grey_is_repeated():
    grey = PIXELS[..., 0]
    decoded = pp.decode(encoded(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(decoded, np.stack([grey] * 3, axis=-1))


def test_palette_is_applied():
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 128, 0, 7, 8, 9])
    red, green, other = [255, 0, 0], [0, 128, 0], [7, 8, 9]
    assert pp.decode(encoded(image, "PNG")).tolist() == [[red, green], [other, red]]


def test_alpha_is_dropped():
    alpha = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)])
    np.testing.assert_array_equal(pp.decode(encoded(Image.fromarray(alpha), "PNG")), PIXELS)


def test_sixteen_bits_keep_the_high_byte():
    values = np.array([[0, 255, 256], [32767, 32768, 65535]], np.uint16)
    high = [[0, 0, 1], [127, 128, 255]]
    grey = pp.decode(encoded(Image.fromarray(values), "PNG"))
    colour = pp.decode(png_rgb16(np.stack([values, values // 2, values], axis=-1)))
    assert grey.dtype == colour.dtype == np.uint8
    assert grey[..., 0].tolist() == grey[..., 2].tolist() == high
    assert colour[..., 0].tolist() == colour[..., 2].tolist() == high


def test_exif_orientation_is_left_alone():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(PIXELS), "JPEG", exif=exif)
    assert pp.decode(data).shape == PIXELS.shape


def test_harmless_bytes_inside_a_jpeg_are_no_error():
    data = encoded(Image.fromarray(PIXELS), "JPEG")
    first_segment = data.index(b"\xff\xdb")
    padded = data[:first_segment] + b"\0\0\0" + data[first_segment:]
    np.testing.assert_array_equal(pp.decode(padded), pp.decode(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_image_is_named(kind, share):
    data = encoded(Image.fromarray(PIXELS), kind)
    with pytest.raises(InputError, match=r"^photo 7: .*expected a whole image$") as error:
        pp.decode(data[: int(len(data) * share)], "photo 7")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "0 bytes of no known format"),
        (b"GIF? no, a text", "15 bytes of no known format"),
        (encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"), "floating-point samples"),
    ],
)
def test_what_is_no_image_is_named(data, found):
    with pytest.raises(InputError, match=f"^photo 7: {found}, expected"):
        pp.decode(data, "photo 7")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_size_is_height_and_width(kind):
    assert pp.size(encoded(Image.fromarray(PIXELS), kind)) == (24, 37)


def test_size_of_no_image_is_named():
    with pytest.raises(InputError, match="photo 7"):
        pp.size(b"text", "photo 7")


def test_resize_is_antialiased_and_bilinear():
    # Halved, the triangle filter spans four pixels: at both ends it weighs 3, 3, 1 (over 7).
    row = np.array([0, 100, 200, 40], np.uint8)
    image = np.broadcast_to(row[None, :, None], (4, 4, 3))
    expected = [round((3 * 0 + 3 * 100 + 1 * 200) / 7), round((1 * 100 + 3 * 200 + 3 * 40) / 7)]
    assert pp.resize(np.ascontiguousarray(image), (4, 2))[2, :, 1].tolist() == expected


@pytest.mark.parametrize("shape", [(10, 20), (48, 50), (24, 37)])
def test_resize_is_pillows(shape):
    expected = Image.fromarray(PIXELS).resize(shape[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(pp.resize(PIXELS, shape), np.asarray(expected))


def test_crop_and_flip():
    image = np.arange(4 * 5).reshape(4, 5, 1)
    assert pp.crop(image, 1, 2, 2)[..., 0].tolist() == [[7, 8], [12, 13]]
    assert pp.flip(image)[1, :, 0].tolist() == [9, 8, 7, 6, 5]
