"""JPEG files that are damaged, though they can be decoded."""

import simplejpeg

# In a scan: a marker that ends the entropy-coded data, not a stuffed 0 or a restart.
_SCAN = b"\xff\xda"
_ZEROS = 64


def damage(data: bytes) -> str:
    """Flaw of a file that can be decoded nonetheless; '' where it is whole.

    Raises nothing: a file that cannot be decoded at all is for `decode` to refuse.
    """
    if not data.startswith(b"\xff\xd8"):
        return ""
    try:
        space = simplejpeg.decode_jpeg_header(data)[2]
        simplejpeg.decode_jpeg(data, "CMYK" if space in ("CMYK", "YCCK") else "RGB")
    except ValueError as error:
        return str(error)
    return ""
