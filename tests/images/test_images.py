import contextlib
import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from jiqa import images
from jiqa.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 37, 3), np.uint8)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_rgb16(pixels):
    """A PNG of 16 bits per channel, which Pillow does not write; uint16 [h, w, 3]."""

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
            "floating-point samples without a stated range",
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


TURNS = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TURNS)
def test_upright_is_as_exif_says_and_else_as_stored(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    plain = images.decode(encoded(Image.fromarray(PIXELS), kind, **options))
    data = encoded(Image.fromarray(PIXELS), kind, exif=exif, **options)
    np.testing.assert_array_equal(images.decode(data), plain)
    turned = images.decode(data, upright=True)
    np.testing.assert_array_equal(turned, TURNS[orientation](plain))
    assert images.size(data) == PIXELS.shape[:2]
    assert images.size(data, upright=True) == turned.shape[:2]
    opened = Image.open(io.BytesIO(data))
    assert images.size_of_pillow(opened) == turned.shape[:2]
    if kind != "JPEG":
        np.testing.assert_array_equal(images.of_pillow(opened), turned)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_senseless_orientation_turns_nothing(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(PIXELS), "PNG", exif=exif)
    np.testing.assert_array_equal(images.decode(data, upright=True), PIXELS)


def test_sixteen_bits_are_kept():
    colour = np.random.default_rng(1).integers(0, 2**16, (5, 6, 3), np.uint16)
    deep = images.decode_deep(png_rgb16(colour))
    assert deep.dtype == np.uint16
    np.testing.assert_array_equal(deep, colour)
    opened = Image.open(io.BytesIO(png_rgb16(colour)))
    np.testing.assert_array_equal(images.of_pillow(opened), colour)
    nearest = np.floor(colour / 257 + 0.5)
    np.testing.assert_array_equal(images.decode(png_rgb16(colour)), nearest)
    for kind in ("PNG", "TIFF"):
        grey = images.decode_deep(encoded(Image.fromarray(colour[..., 0]), kind))
        np.testing.assert_array_equal(grey, np.repeat(colour[..., :1], 3, -1))
    assert images.decode_deep(encoded(Image.fromarray(PIXELS), "PNG")).dtype == np.uint8


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_sixteen_bits_of_tiff_are_kept(order, compression):
    tifffile = pytest.importorskip("tifffile")
    colour = np.random.default_rng(1).integers(0, 2**16, (5, 6, 3), np.uint16)
    how = {"photometric": "rgb", "byteorder": order, "compression": compression}
    stored = io.BytesIO()
    tifffile.imwrite(stored, colour, **how)
    np.testing.assert_array_equal(images.decode_deep(stored.getvalue()), colour)
    stored = io.BytesIO()
    tifffile.imwrite(stored, np.moveaxis(colour, -1, 0), planarconfig="separate", **how)
    with pytest.raises(InputError, match="16 bits per channel in planes"):
        images.decode(stored.getvalue())


def wide(values, tags):
    """A TIFF of one channel of 32 bits, with the given tags."""
    ranges = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        ranges[tag] = value
    return encoded(Image.fromarray(values), "TIFF", tiffinfo=ranges)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_wide_samples_are_scaled_by_their_stated_range_or_refused(dtype):
    values = np.array([[0, 51, 255]], dtype)
    for tags in ({340: 0, 341: 255}, {341: 255}, {281: 255}):
        assert images.decode(wide(values, tags))[..., 1].tolist() == [[0, 51, 255]]
    deep = images.decode_deep(wide(values, {340: -255, 341: 1000}))
    assert deep[0, :, 0].tolist() == [13316, 15979, 26632]  # (v + 255) / 1255 of 65535
    with pytest.raises(InputError, match="samples without a stated range"):
        images.decode(wide(values, {}))
    with pytest.raises(InputError, match=r"samples in \[0, 255\] outside their stated range"):
        images.decode(wide(values, {341: 200}))
    with pytest.raises(InputError, match="samples without a stated range"):
        images.of_pillow(Image.fromarray(values))


def test_deep_jpeg2000_is_refused():
    data = bytearray(encoded(Image.fromarray(PIXELS), "JPEG2000"))
    depth = data.index(b"\xff\x4f\xff\x51") + 42
    data[depth] = 11  # of the first component, less one
    with pytest.raises(InputError, match="12 bits per channel in JPEG 2000"):
        images.decode(bytes(data))


def png_of_zeros(height, width, rows):
    """A PNG that claims `height` x `width` pixels and has some rows of them."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes((3 * width + 1) * rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def claims(data, height, width):
    """The JPEG with another size in its header."""
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


@pytest.mark.parametrize("upright", [False, True])
def test_the_header_is_read_before_the_pixels(upright, recwarn):
    small = encoded(Image.fromarray(PIXELS), "JPEG")
    for data, pixels in (
        (claims(small, 65500, 65500), "65500x65500, 4,290,250,000 pixels"),
        (png_of_zeros(13000, 13000, 1), "13000x13000, 169,000,000 pixels"),
    ):
        for read in (images.size, images.decode, images.decode_deep):
            expected = f"^photo 7: found {pixels}, expected 100,000,000 at most; --max_pixels"
            with pytest.raises(InputError, match=expected):
                read(data, "photo 7", upright=upright)
    # Above Pillow's own limits, which warn of the one and refuse the other.
    assert images.size(png_of_zeros(10000, 10000, 1)) == (10000, 10000)
    assert images.size(png_of_zeros(1, 200_000_000, 0), max_pixels=2 * 10**8) == (1, 200_000_000)
    with pytest.raises(InputError, match="found 37x24, 888 pixels, expected 887 at most"):
        images.decode(small, max_pixels=887, upright=upright)
    assert not recwarn.list


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads Linux's peak of memory")
def test_a_false_claim_costs_no_memory(tmp_path):
    (tmp_path / "a.jpg").write_bytes(claims(encoded(Image.fromarray(PIXELS), "JPEG"), 9999, 65500))
    code = (
        "import re, sys\n"
        "from jiqa import images\n"
        "from jiqa.errors import InputError\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "try: images.decode(data)\n"
        "except InputError: print(re.search('VmHWM:(.*)kB', open('/proc/self/status').read())[1])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.jpg")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # In KiB; decoded it takes 2 GB. Unlike ru_maxrss, the peak is of this process alone.
    assert int(done.stdout) < 300 * 1024


@pytest.mark.parametrize("error", [RuntimeError, struct.error, OverflowError, MemoryError])
def test_whatever_a_decoder_raises_becomes_one_line(error, monkeypatch):
    def fail(*_, **__):
        raise error("Missing or empty\nimage item")

    monkeypatch.setattr(images.samples, "of", fail)
    with pytest.raises(InputError) as raised:
        images.decode(encoded(Image.fromarray(PIXELS), "PNG"), "photo 7")
    assert str(raised.value) == "photo 7: Missing or empty, expected a whole image"


@pytest.mark.parametrize("kind", ["AVIF", "WEBP", "TIFF", "GIF", "PNG", "JPEG", "JPEG2000", "QOI"])
def test_broken_bytes_are_pixels_or_one_line(kind):
    rng = np.random.default_rng(3)
    whole = encoded(Image.fromarray(PIXELS), kind)
    for _ in range(40):
        data = bytearray(whole)
        data[rng.integers(len(data))] = rng.integers(256)
        data = bytes(data[: rng.integers(len(data) // 2, len(data) + 1)])
        with contextlib.suppress(InputError):
            assert images.decode(data, upright=True).dtype == np.uint8
